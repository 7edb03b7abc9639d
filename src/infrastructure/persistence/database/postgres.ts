import { createHash } from 'node:crypto';
import { singleFlight } from '../../concurrency/single-flight.ts';
import { type Database, failureOf, StoreFailure, UnusableDatabase } from './database.ts';
import { postgresAddress } from './postgres-address.ts';
import { checkSession, openPool, withClient } from './postgres-pool.ts';

const STATEMENT_SECONDS = 4;
const LIMITS = { statementSeconds: STATEMENT_SECONDS, lockSeconds: 0, idleInTransactionSeconds: STATEMENT_SECONDS };
const MIGRATION_LIMITS = { statementSeconds: 0, lockSeconds: 10, idleInTransactionSeconds: 0 };
const PROBE_MS = 1_000;
const AT_ONCE_MS = 100;
/** A prepared statement is gone, or there already: the session is not the one that it was. */
const OTHER_SESSION = new Set(['26000', '42P05']);

/** PostgreSQL through a pool. A dead server rejects queries; it never crashes the process, and needs no restart. */
export const openPostgres = (url: string, maxConnections: number): Database => {
  const address = postgresAddress(url);
  const connectMs = address.connectSeconds * 1000;
  const pool = openPool(address, {
    max: maxConnections,
    limits: LIMITS,
    connectMs,
    // The server's own limit stops the statement; the client's, a little later, gives up on a server that is silent.
    queryMs: (STATEMENT_SECONDS + 1) * 1000,
  });
  // The probe has a connection of its own: whether the pool has one to spare is another question than whether the server answers.
  const probe = openPool(address, {
    max: 1,
    limits: LIMITS,
    connectMs: PROBE_MS,
    queryMs: PROBE_MS,
    allowExitOnIdle: true,
    // The probe keeps its connection, which may be the last one that a pooler gives.
    idleTimeoutMillis: 0,
  });

  // By the text: a pooler that mixes sessions up would else run what another process has under the name.
  const names = new Map<string, string>();
  const nameOf = (text: string): string => {
    const name = names.get(text) ?? createHash('sha256').update(text).digest('base64url');
    names.set(text, name);
    return name;
  };

  // Two sessions at once: alone, one might be given back to itself.
  const check = (): Promise<void> =>
    withClient(pool, (one) =>
      withClient(probe, async (other) => {
        for (const client of [one, other, one, one, other]) await checkSession(client);
      }),
    );
  // After the start, a pooler that gives sessions to others shows by errors; then it is looked at closely again.
  let suspect = false;
  const ping = async (): Promise<void> => {
    if (suspect) await check();
    else await withClient(probe, checkSession);
    suspect = false;
  };

  return {
    location: `PostgreSQL at ${address.host ?? 'localhost'}:${address.port}/${address.database}`,
    exclusive: false,

    check,

    async query(text, values = []) {
      const client = await pool.connect().catch((error) => {
        throw error instanceof UnusableDatabase ? new StoreFailure('unsent', error.message) : error;
      });
      try {
        const { rows } = await client.query({ name: nameOf(text), text, values: values as unknown[] });
        client.release();
        return rows;
      } catch (error) {
        const failure = failureOf(error);
        suspect ||= OTHER_SESSION.has(failure.sqlstate ?? '');
        client.release(failure.kind === 'unknown');
        throw failure;
      }
    },

    ping: singleFlight(async () => {
      const started = performance.now();
      // A connection that was ended says so at once, and says nothing about the server.
      await ping().catch((error) => {
        if (error instanceof UnusableDatabase || performance.now() - started > AT_ONCE_MS) throw error;
        return ping();
      });
    }),

    async migrate(direction) {
      const [{ migrate }, { PostgresDialect }] = await Promise.all([import('./migrator.ts'), import('kysely')]);
      const own = openPool(address, { max: 1, limits: MIGRATION_LIMITS, connectMs });
      try {
        return await migrate(new PostgresDialect({ pool: own }), direction);
      } finally {
        await own.end();
      }
    },

    connections: pool.counts,

    close: async () => {
      await Promise.all([pool.end(), probe.end()]);
    },
  };
};
