import type { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import pg from 'pg';
import { StoreFailure, UnusableDatabase } from './database.ts';
import { failureReason } from './failure-reason.ts';
import { passwordInFile } from './password-file.ts';
import type { PostgresAddress } from './postgres-address.ts';
import { beginSession, type Limits, SESSION_NAME, type Server } from './postgres-session.ts';

const INT8 = 20;
const OLDEST_VERSION = 150_000;
const SOCKET_FOLDERS = ['/run/postgresql', '/var/run/postgresql', '/tmp'];
const NO_TLS = 'The server does not support SSL connections';
/** What a server says, or a pooler, that gives no more connections; PgBouncer lets the first statement wait instead. */
const NO_MORE = /^53300|no more connections|query_wait_timeout|Query read timeout/;
const MAKE_DO_MS = 60_000;
/** A server that has no TLS or lets nobody in without it; a pooler that does not; a handshake that fails. */
const REFUSED_FORM = /^(?:28000|08P01|EPROTO|ECONNRESET|ERR_SSL_\w+|UNABLE_TO_\w+|\w*CERT\w*)$/;

type Options = Limits &
  Pick<pg.PoolConfig, 'query_timeout' | 'allowExitOnIdle' | 'connectionTimeoutMillis' | 'idleTimeoutMillis'> & { max: number };

/** The driver's client, made for an address: the driver itself would look into a dozen variables of the environment. */
const clientFor = (address: PostgresAddress, form: () => PostgresAddress['encryptions'][number]) =>
  class extends pg.Client {
    hasChannelBinding = false;

    constructor(config: pg.ClientConfig) {
      const socket = SOCKET_FOLDERS.find((folder) => existsSync(`${folder}/.s.PGSQL.${address.port}`));
      super({
        ...config,
        host: address.host ?? socket ?? 'localhost',
        port: address.port,
        user: address.user,
        database: address.database,
        password: () => address.password ?? passwordInFile(address) ?? '',
        ssl: form() ?? false,
        sslnegotiation: address.direct ? 'direct' : 'postgres',
        enableChannelBinding: address.channelBinding === 'require',
      });
      const { connection } = this as unknown as { connection: EventEmitter };
      connection.once('authenticationSASL', ({ mechanisms }: { mechanisms: string[] }) => {
        this.hasChannelBinding = mechanisms.includes('SCRAM-SHA-256-PLUS');
      });
    }

    /** All that is said before the first statement: poolers refuse what they do not know. */
    getStartupConf() {
      return { user: address.user, database: address.database, application_name: address.applicationName };
    }
  };

/** The name that each session was given. */
const names = new WeakMap<pg.PoolClient, string>();
let sessions = 0;

/** Connections on which everything is set that the service relies on. One that dies does not take the process with it. */
export const openPool = (
  address: PostgresAddress,
  { max, statementSeconds, lockSeconds, idleInTransactionSeconds, ...options }: Options,
) => {
  const { encryptions } = address;
  // Which of the forms the server took last.
  let form = 0;
  const Client = clientFor(address, () => encryptions[form] ?? null);
  const pool = new pg.Pool({
    connectionTimeoutMillis: address.connectSeconds * 1000,
    ...options,
    max,
    Client: Client as unknown as new () => pg.Client,
    keepAlive: true,
    types: { getTypeParser: (oid, format) => (oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) } as pg.CustomTypesConfig,
  });
  // Without listeners, a connection that dies would end the process. The pool drops and replaces it by itself.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  let begun = 0;
  pool.on('remove', (client) => {
    if (names.has(client)) begun--;
  });

  const open = async (): Promise<pg.PoolClient> => {
    const tried = form;
    try {
      return await pool.connect();
    } catch (error) {
      const { message, code } = error as Error & { code?: string };
      if (encryptions.length === 1 || !(message === NO_TLS || REFUSED_FORM.test(code ?? ''))) throw error;
      if (form === tried) form = 1 - tried;
      // Of two refusals the one is told that says more.
      return await pool.connect().catch((other: Error) => Promise.reject(other.message === NO_TLS ? error : other));
    }
  };

  const begin = async (client: pg.PoolClient): Promise<void> => {
    const name = `${performance.timeOrigin}.${++sessions}`;
    const text = beginSession(name, address.settings, { statementSeconds, lockSeconds, idleInTransactionSeconds });
    const results: unknown = await client.query({ text, query_timeout: address.connectSeconds * 1000 } as pg.QueryConfig);
    checkServer((results as pg.QueryResult<Server>[]).at(-1)?.rows[0] as Server, address);
    if (address.channelBinding === 'require' && !(client as unknown as InstanceType<typeof Client>).hasChannelBinding) {
      throw new UnusableDatabase('the database server offers no channel binding, which DATABASE_URL requires');
    }
    names.set(client, name);
    begun++;
  };

  const connect = async (): Promise<pg.PoolClient> => {
    const client = await open().catch((error) => Promise.reject(new StoreFailure('unsent', failureReason(error))));
    if (names.has(client)) return client;
    try {
      await begin(client);
      return client;
    } catch (error) {
      client.release(true);
      throw error instanceof UnusableDatabase ? error : new StoreFailure('unsent', failureReason(error));
    }
  };

  return {
    /** @throws StoreFailure of kind `unsent`, UnusableDatabase */
    connect: (): Promise<pg.PoolClient> =>
      connect().catch((error) => {
        if (begun === 0 || !(error instanceof StoreFailure) || !NO_MORE.test(error.sqlstate ?? '')) throw error;
        // For a while, those that are open must do.
        pool.options.max = begun;
        setTimeout(() => (pool.options.max = max), MAKE_DO_MS).unref();
        return connect();
      }),

    options: pool.options,
    counts: () => ({ open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    end: () => pool.end(),
  };
};

export type Pool = ReturnType<typeof openPool>;

/** Lends a connection to `work`; one on which it fails is closed. @throws StoreFailure, UnusableDatabase */
export const withClient = async <T>(pool: Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
  const client = await pool.connect();
  let failed = true;
  try {
    const result = await work(client);
    failed = false;
    return result;
  } finally {
    client.release(failed);
  }
};

/** Reads the name of the session: another one's is there where a pooler gives sessions to whoever comes. @throws UnusableDatabase */
export const checkSession = async (client: pg.PoolClient): Promise<void> => {
  const { rows } = await client.query<{ name: string }>(`select pg_catalog.current_setting('${SESSION_NAME}', true) as name`);
  if (rows[0]?.name !== names.get(client)) {
    throw new UnusableDatabase(
      'the pooler in front of the database gives a session to others between transactions, so settings and prepared statements ' +
        'are lost; set its pool mode to session (of PgBouncer: pool_mode = session), or name the server itself in DATABASE_URL',
    );
  }
};

/** @throws UnusableDatabase */
const checkServer = ({ encoding, version, standby, schema }: Server, { primaryOnly }: PostgresAddress): void => {
  if (encoding !== 'UTF8') {
    throw new UnusableDatabase(`the database has the encoding ${encoding} and cannot hold every text; make one with encoding UTF8`, true);
  }
  if (version < OLDEST_VERSION) {
    throw new UnusableDatabase(`the database server is PostgreSQL ${Math.floor(version / 10_000)}; 15 or later is needed`, true);
  }
  if (schema === null) throw new UnusableDatabase('the database has no schema that search_path names, or this user may not use it');
  if (standby && primaryOnly) throw new UnusableDatabase('the database server is a standby, and DATABASE_URL asks for the primary');
};
