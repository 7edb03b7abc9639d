import pg from 'pg';
import { singleFlight } from '../../concurrency/single-flight.ts';
import { type Database, failureOf, StoreFailure } from './database.ts';

const STATEMENT_SECONDS = 4;
const CONNECT_SECONDS = 2;
const PROBE_MS = 1_000;
const AT_ONCE_MS = 100;
const INT8 = 20;

/** PostgreSQL through a pool. A dead server rejects queries; it never crashes the process, and needs no restart. */
export const openPostgres = (url: string, maxConnections: number): Database => {
  const config: pg.PoolConfig = {
    connectionString: url,
    connectionTimeoutMillis: CONNECT_SECONDS * 1000,
    application_name: 'lumin-user-service',
    // No statement of ours is worth compiling: that takes a hundred times as long as the longest of them.
    options: '-c jit=off',
    keepAlive: true,
    types: { getTypeParser: (oid, format) => (oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) } as pg.CustomTypesConfig,
  };
  const pool = new pg.Pool({
    ...config,
    max: maxConnections,
    // The server's own limit stops the statement; the client's, a little later, gives up on a server that is silent.
    statement_timeout: STATEMENT_SECONDS * 1000,
    query_timeout: (STATEMENT_SECONDS + 1) * 1000,
    idle_in_transaction_session_timeout: STATEMENT_SECONDS * 1000,
  });
  // Without listeners, a connection that dies would take the process with it. The pool drops and replaces it by itself.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));

  // Not from the pool: whether that has a connection to spare is another question.
  const probe = new pg.Pool({ ...config, max: 1, connectionTimeoutMillis: PROBE_MS, query_timeout: PROBE_MS, allowExitOnIdle: true });
  probe.on('error', () => {});
  probe.on('connect', (client) => client.on('error', () => {}));

  const names = new Map<string, string>();
  const nameOf = (text: string): string => {
    const name = names.get(text) ?? `s${names.size}`;
    names.set(text, name);
    return name;
  };

  return {
    location: describe(url),
    exclusive: false,

    async query(text, values = []) {
      const client = await pool.connect().catch((error) => {
        throw new StoreFailure('unsent', (error as { code?: string }).code);
      });
      try {
        const { rows } = await client.query({ name: nameOf(text), text, values: values as unknown[] });
        client.release();
        return rows;
      } catch (error) {
        const failure = failureOf(error);
        client.release(failure.kind === 'unknown');
        throw failure;
      }
    },

    ping: singleFlight(async () => {
      const started = performance.now();
      // A connection that was ended says so at once, and says nothing about the server.
      await probe.query('select 1').catch((error) => {
        if (performance.now() - started > AT_ONCE_MS) throw error;
        return probe.query('select 1');
      });
    }),

    async migrate(direction) {
      const [{ migrate }, { PostgresDialect }] = await Promise.all([import('./migrator.ts'), import('kysely')]);
      const own = new pg.Pool({ ...config, max: 1, lock_timeout: 10_000 });
      own.on('error', () => {});
      try {
        return await migrate(new PostgresDialect({ pool: own }), direction);
      } finally {
        await own.end();
      }
    },

    connections: () => ({ open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),

    close: async () => {
      await Promise.all([pool.end(), probe.end()]);
    },
  };
};

const describe = (url: string): string => {
  const { hostname, port, pathname } = new URL(url);
  return `PostgreSQL at ${hostname || 'localhost'}:${port || 5432}${pathname}`;
};
