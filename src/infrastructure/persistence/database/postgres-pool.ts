import pg from 'pg';
import { failureReason, meansOf } from '../../explain.ts';
import type { Place as Named } from '../../place.ts';
import { StoreFailure, UnusableDatabase } from './database.ts';
import type { PostgresAddress, PostgresHost } from './postgres-address.ts';
import { clientFor } from './postgres-client.ts';
import { nameOf, type Place, type PostgresServers } from './postgres-servers.ts';
import { beginSession, checkServer, type Limits, SESSION_NAME, type Server, unwanted } from './postgres-session.ts';

const INT8 = 20;
const NO_TLS = 'The server does not support SSL connections';
/** SQLSTATEs by which a server or a pooler asks for the other form, with TLS or without; it will for every connection. */
const OTHER_FORM = /^(?:28000|08P01)$/;
/** Codes of a TLS handshake that failed; the next handshake may succeed. */
const HANDSHAKE = /^(?:EPROTO|ECONNRESET|ERR_SSL_\w+|UNABLE_TO_\w+|\w*CERT\w*)$/;
/**
 * What a server or a pooler says that gives no more connections: there are too many, or the password has become another one.
 * PgBouncer lets the first statement wait instead.
 */
const NO_MORE = /^(?:53300|28P01)|no more connections|password authentication failed|query_wait_timeout|Query read timeout/;
/** What the pool says where all of its connections are in use. */
const NONE_FREE = 'timeout exceeded when trying to connect';
/** An SQLSTATE, other than those of a server that is not up or does not stay so. */
const SERVER_REFUSES = /^(?!08|57P0)[\dFHPX][\dA-Z]{4}\b/;
const MAKE_DO_MS = 60_000;

/** `hostMs` is for one host of the address, `connectMs` for a connection that is in use. */
type Options = { max: number; limits: Limits; connectMs: number; hostMs: number; queryMs?: number } & Pick<
  pg.PoolConfig,
  'allowExitOnIdle' | 'idleTimeoutMillis'
>;

/** The name that each session was given, and the server that it began on; `over` where it is to be begun anew. */
type Session = { name: string; server: Server; over: boolean };
const sessions = new WeakMap<pg.PoolClient, Session>();
let counter = 0;

/** Connections on which everything is set that the service relies on. One that dies does not take the process with it. `named` for people. */
export const openPool = (
  address: PostgresAddress,
  named: Named,
  servers: Pick<PostgresServers, 'place' | 'passOver' | 'begin' | 'isCurrent'>,
  { max, limits, connectMs, hostMs, queryMs, ...options }: Options,
) => {
  const { hosts, tries, wanted } = address;
  const Client = clientFor(address, hostMs, () => {
    const { host, form } = servers.place();
    return { host, encryption: host.encryptions[form] ?? null };
  });
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
    if (sessions.has(client)) begun--;
  });

  /** Where sslmode allows two forms, the one that the server took last comes first. */
  const open = async (place: Place): Promise<pg.PoolClient> => {
    const tried = place.form;
    try {
      return await pool.connect();
    } catch (error) {
      const { message, code = '' } = error as Error & { code?: string };
      const lasting = message === NO_TLS || OTHER_FORM.test(code);
      if (place.host.encryptions.length === 1 || !(lasting || HANDSHAKE.test(code))) throw error;
      place.form = 1 - tried;
      // The pool makes the client at once.
      const second = pool.connect();
      if (!lasting) place.form = tried;
      // Two refusals: the caller is told the one that says more.
      return await second.catch((other: Error) => Promise.reject(other.message === NO_TLS ? error : other));
    }
  };

  const begin = async (client: pg.PoolClient, place: Place, anyKind: boolean): Promise<void> => {
    const name = `${performance.timeOrigin}.${++counter}`;
    const text = beginSession(name, address.settings, limits);
    const results: unknown = await client.query({ text, query_timeout: hostMs } as pg.QueryConfig);
    const server = (results as pg.QueryResult<Server>[]).at(-1)?.rows[0] as Server;
    checkServer(server, { ...named, at: nameOf(place.host) });
    const found = anyKind ? null : unwanted(server, wanted);
    if (found !== null) {
      throw new UnusableDatabase(
        `the database server at ${nameOf(place.host)} is ${found}, and the address has target_session_attrs=${wanted}`,
        'promote it, name the other server too, or change target_session_attrs',
      );
    }
    if (address.channelBinding === 'require' && !(client as unknown as InstanceType<typeof Client>).offersChannelBinding) {
      throw new UnusableDatabase(
        `${nameOf(place.host)} offers no channel binding, which the address requires`,
        'use TLS and scram-sha-256 there, or leave channel_binding out',
      );
    }
    servers.begin(server, place);
    sessions.set(client, { name, server, over: false });
    begun++;
  };

  /** A connection with a session: one of the pool's, or a new one to this host. */
  const connectTo = async (place: Place, anyKind: boolean): Promise<pg.PoolClient> => {
    for (;;) {
      const client = await open(place).catch((error) => Promise.reject(unsent(error)));
      const session = sessions.get(client);
      try {
        if (session === undefined) await begin(client, place, anyKind);
        if (session === undefined || isCurrent(session)) return client;
      } catch (error) {
        client.release(true);
        throw error instanceof UnusableDatabase ? error : unsent(error);
      }
      client.release(true);
    }
  };
  const isCurrent = ({ server, over }: Session): boolean => !over && servers.isCurrent(server);

  const connect = async (): Promise<pg.PoolClient> => {
    const failures = new Map<PostgresHost, UnusableDatabase | StoreFailure>();
    for (let tried = 1; ; tried++) {
      const place = servers.place();
      try {
        return await connectTo(place, tried > hosts.length);
      } catch (error) {
        if (!goesOn(error)) throw error;
        failures.set(place.host, error);
        servers.passOver(place);
        if (tried === tries) throw hosts.length === 1 ? error : inAll(hosts, failures, named);
      }
    }
  };

  return {
    /** @throws StoreFailure of kind `unsent`, UnusableDatabase */
    connect: (): Promise<pg.PoolClient> =>
      connect().catch((error) => {
        if (begun === 0 || !(error instanceof StoreFailure) || !NO_MORE.test(error.sqlstate ?? '')) throw error;
        // The pool makes do with the connections that it has, for a while.
        pool.options.max = begun;
        setTimeout(() => (pool.options.max = max), MAKE_DO_MS).unref();
        return connect();
      }),

    /** Whether what this session answered counts: meanwhile another one may have begun on another server, and this one's log be lost. */
    isCurrent: (client: pg.PoolClient): boolean => isCurrent(sessions.get(client) as Session),

    options: pool.options,
    counts: () => ({ open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    end: () => pool.end(),
  };
};

export type Pool = ReturnType<typeof openPool>;

const unsent = (error: unknown): StoreFailure => new StoreFailure('unsent', failureReason(error));

/**
 * Whether the next host is tried. As in libpq, not where a server answers and refuses (a wrong password, no such database, too
 * many connections), unless it is starting or stopping; nor where this process waits for a connection of its own.
 */
const goesOn = (error: unknown): error is UnusableDatabase | StoreFailure => {
  if (error instanceof UnusableDatabase) return !error.lasting;
  const { sqlstate: reason = '' } = error as StoreFailure;
  return error instanceof StoreFailure && !SERVER_REFUSES.test(reason) && !reason.includes(NONE_FREE);
};

/** Why none of several hosts will do, in the order in which they are named. */
const inAll = (hosts: PostgresHost[], failures: ReadonlyMap<PostgresHost, UnusableDatabase | StoreFailure>, named: Named): Error => {
  const found = hosts.flatMap((host) => {
    const error = failures.get(host);
    return error ? [{ error, at: nameOf(host) }] : [];
  });
  const words = found.map(({ error, at }) => (error instanceof StoreFailure ? meansOf(error, { ...named, at }) : error.means)).join('; ');
  const unusable = found.find(({ error }) => error instanceof UnusableDatabase)?.error as UnusableDatabase | undefined;
  if (unusable) return new UnusableDatabase(words, unusable.next);
  const codes = found.map(({ error, at }) => `${at}: ${(error as StoreFailure).sqlstate ?? 'no connection'}`).join('; ');
  return new StoreFailure('unsent', codes, undefined, [words, 'start one of them, or correct hosts and ports']);
};

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

/**
 * Reads the name of the session: another one's is there where a pooler gives sessions to whoever comes. Where its server was
 * promoted meanwhile, the next session tells.
 * @returns whether tables and functions of this release are there
 * @throws UnusableDatabase
 */
export const checkSession = async (client: pg.PoolClient): Promise<boolean> => {
  const session = sessions.get(client) as Session;
  const { rows } = await client.query<{ name: string; standby: boolean; ours: boolean }>(
    `select pg_catalog.current_setting('${SESSION_NAME}', true) as name, pg_catalog.pg_is_in_recovery() as standby,
       pg_catalog.to_regclass('log_head') is not null and pg_catalog.to_regproc('append_v2') is not null as ours`,
  );
  session.over ||= rows[0]?.standby !== session.server.standby;
  if (rows[0]?.name !== session.name) {
    throw new UnusableDatabase(
      'the pooler in front of the database gives a session to others between transactions, so settings and prepared statements are lost',
      'set its pool mode to session (of PgBouncer: pool_mode = session), or name the server itself',
    );
  }
  return rows[0]?.ours === true;
};
