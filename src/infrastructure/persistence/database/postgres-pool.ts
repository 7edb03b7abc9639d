import pg from 'pg';
import { StoreFailure, UnusableDatabase } from './database.ts';
import { failureReason } from './failure-reason.ts';
import type { PostgresAddress } from './postgres-address.ts';
import { clientFor } from './postgres-client.ts';
import { beginSession, checkServer, type Limits, SESSION_NAME, type Server } from './postgres-session.ts';

const INT8 = 20;
const NO_TLS = 'The server does not support SSL connections';
/** Of servers and poolers that want the other form, with TLS or without: so it is for every connection. */
const OTHER_FORM = /^(?:28000|08P01)$/;
/** Of a handshake that fails: the next one may succeed. */
const HANDSHAKE = /^(?:EPROTO|ECONNRESET|ERR_SSL_\w+|UNABLE_TO_\w+|\w*CERT\w*)$/;
/** What a server or a pooler says that gives no more connections; PgBouncer lets the first statement wait instead. */
const NO_MORE = /^53300|no more connections|query_wait_timeout|Query read timeout/;
const MAKE_DO_MS = 60_000;

type Options = { max: number; limits: Limits; connectMs: number; queryMs?: number } & Pick<
  pg.PoolConfig,
  'allowExitOnIdle' | 'idleTimeoutMillis'
>;

/** The name that each session was given. */
const names = new WeakMap<pg.PoolClient, string>();
let sessions = 0;

/** Connections on which everything is set that the service relies on. One that dies does not take the process with it. */
export const openPool = (address: PostgresAddress, { max, limits, connectMs, queryMs, ...options }: Options) => {
  const { encryptions } = address;
  let form = 0;
  const Client = clientFor(address, () => encryptions[form] ?? null);
  const pool = new pg.Pool({
    ...options,
    max,
    connectionTimeoutMillis: connectMs,
    ...(queryMs && { query_timeout: queryMs }),
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

  /** Where sslmode allows two forms, the one that the server took last comes first. */
  const open = async (): Promise<pg.PoolClient> => {
    const tried = form;
    try {
      return await pool.connect();
    } catch (error) {
      const { message, code = '' } = error as Error & { code?: string };
      const lasting = message === NO_TLS || OTHER_FORM.test(code);
      if (encryptions.length === 1 || !(lasting || HANDSHAKE.test(code))) throw error;
      form = 1 - tried;
      // The pool makes the client at once.
      const second = pool.connect();
      if (!lasting) form = tried;
      // Of two refusals the one is told that says more.
      return await second.catch((other: Error) => Promise.reject(other.message === NO_TLS ? error : other));
    }
  };

  const begin = async (client: pg.PoolClient): Promise<void> => {
    const name = `${performance.timeOrigin}.${++sessions}`;
    const text = beginSession(name, address.settings, limits);
    const results: unknown = await client.query({ text, query_timeout: connectMs } as pg.QueryConfig);
    checkServer((results as pg.QueryResult<Server>[]).at(-1)?.rows[0] as Server, address.primaryOnly);
    if (address.channelBinding === 'require' && !(client as unknown as InstanceType<typeof Client>).offersChannelBinding) {
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
