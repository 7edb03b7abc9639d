import { createHash } from 'node:crypto';
import { singleFlight } from '../../concurrency/single-flight.ts';
import type { Place } from '../../place.ts';
import { type Database, failureOf, StoreFailure, UnusableDatabase } from './database.ts';
import { postgresAddress } from './postgres-address.ts';
import { checkSession, openPool, withClient } from './postgres-pool.ts';
import { nameOf as hostNameOf, postgresServers } from './postgres-servers.ts';

const STATEMENT_SECONDS = 4;
const LIMITS = { statementSeconds: STATEMENT_SECONDS, lockSeconds: 0, idleInTransactionSeconds: STATEMENT_SECONDS };
const MIGRATION_LIMITS = { statementSeconds: 0, lockSeconds: 10, idleInTransactionSeconds: 0 };
const CONNECT_MS = 2_000;
const PROBE_MS = 1_000;
const AT_ONCE_MS = 100;
const LOOK_MS = 5_000;
/** A prepared statement is gone, or there already: the session is not the one that it was. */
const OTHER_SESSION = new Set(['26000', '42P05']);

/**
 * PostgreSQL through a pool. A dead server rejects queries; it never crashes the process, and needs no restart. `say` tells people
 * what they should know of the server.
 */
export const openPostgres = (
  url: string,
  maxConnections: number,
  say: (line: string) => void = () => {},
  setting = 'DATABASE_URL',
): Database => {
  const address = postgresAddress(url);
  const { user, database } = address;
  const place: Place = { kind: 'PostgreSQL', at: address.hosts.map(hostNameOf).join(','), user, database, setting };
  const servers = postgresServers(address, say);
  const hostMs = address.connectSeconds * 1000;
  const pool = openPool(address, place, servers, {
    max: maxConnections,
    limits: LIMITS,
    connectMs: CONNECT_MS,
    hostMs,
    // The server's own limit stops the statement; the client's, a little later, gives up on a server that is silent.
    queryMs: (STATEMENT_SECONDS + 1) * 1000,
  });
  // The probe has a connection of its own: whether the pool has one to spare is another question than whether the server answers.
  const probe = openPool(address, place, servers, {
    max: 1,
    limits: LIMITS,
    connectMs: PROBE_MS,
    // All tries together are over within two seconds; where there is one, within one.
    hostMs: (2 * PROBE_MS) / (address.tries + 1),
    queryMs: PROBE_MS,
    allowExitOnIdle: true,
    // The probe keeps its connection, which may be the last one that a pooler gives.
    idleTimeoutMillis: 0,
  });

  // While the sessions of a pool live, none tells that the address leads to another server by now, or that there is a newer
  // primary. (At the start it might be an old one that comes first among several hosts.)
  const look = async (): Promise<void> => {
    const looks = servers.each().map(async (one) => {
      const lone = openPool({ ...address, hosts: [one.place().host], tries: 1 }, place, one, {
        max: 1,
        limits: LIMITS,
        connectMs: hostMs,
        hostMs,
      });
      await withClient(lone, async () => {}).catch(() => {});
      await lone.end();
    });
    await Promise.all(looks);
  };
  const looking = setInterval(look, LOOK_MS).unref();

  // By the text: a pooler that mixes sessions up would else run what another process has under the name.
  const names = new Map<string, string>();
  const nameOf = (text: string): string => {
    const name = names.get(text) ?? createHash('sha256').update(text).digest('base64url');
    names.set(text, name);
    return name;
  };

  // Two sessions at once: alone, one might be given back to itself.
  const check = (): Promise<boolean> =>
    withClient(pool, (one) =>
      withClient(probe, async (other) => {
        for (const client of [one, other, one, one]) await checkSession(client);
        return checkSession(other);
      }),
    );
  // After the start, a pooler that gives sessions to others shows by errors; then it is looked at closely again.
  let suspect = false;
  const ping = async (): Promise<boolean> => {
    const ours = suspect ? await check() : await withClient(probe, checkSession);
    suspect = false;
    return ours;
  };

  return {
    location: `PostgreSQL at ${place.at}/${database}`,
    place,
    exclusive: false,

    check: async () => {
      if (address.hosts.length > 1) await look();
      await check();
    },

    async query(text, values = []) {
      const client = await pool.connect().catch((error) => {
        throw error instanceof UnusableDatabase ? new StoreFailure('unsent', error.means, undefined, [error.means, error.next]) : error;
      });
      try {
        const { rows } = await client.query({ name: nameOf(text), text, values: values as unknown[] });
        // A server that another one has replaced: what it read is old, and what it committed is lost.
        if (!pool.isCurrent(client)) throw new StoreFailure('unknown');
        client.release();
        return rows;
      } catch (error) {
        const failure = error instanceof StoreFailure ? error : failureOf(error);
        suspect ||= OTHER_SESSION.has(failure.sqlstate ?? '');
        client.release(failure.kind === 'unknown');
        throw failure;
      }
    },

    ping: singleFlight(async () => {
      const started = performance.now();
      // A connection that was ended says so at once, and says nothing about the server.
      return ping().catch((error) => {
        if (error instanceof UnusableDatabase || performance.now() - started > AT_ONCE_MS) throw error;
        return ping();
      });
    }),

    async migrate(direction) {
      const [{ migrate }, { PostgresDialect }] = await Promise.all([import('./migrator.ts'), import('kysely')]);
      const own = openPool(address, place, servers, { max: 1, limits: MIGRATION_LIMITS, connectMs: CONNECT_MS, hostMs });
      try {
        return await migrate(new PostgresDialect({ pool: own }), direction);
      } finally {
        await own.end();
      }
    },

    connections: pool.counts,

    server: servers.name,
    onOtherServer: servers.onOther,

    beginStop: () => {},
    close: async () => {
      clearInterval(looking);
      await Promise.all([pool.end(), probe.end()]);
    },
  };
};
