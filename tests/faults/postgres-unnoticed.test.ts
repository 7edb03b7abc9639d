import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { describe, it } from 'vitest';
import { until } from '../fixtures/until.ts';
import { hasPostgres, needsPostgres } from './needs.ts';
import { type FaultRig, underLoad } from './rig.ts';
import { ROUNDS } from './rounds.ts';

/** Transactions that hold no row of the log, in another database and in this one. */
const besideTheLog = async ({ postgres: { url } }: FaultRig): Promise<pg.Client[]> => {
  const clients = [url.replace(/\/postgres$/, '/template1'), url].map((connectionString) => new pg.Client({ connectionString }));
  for (const client of clients) {
    await client.connect();
    await client.query('begin; create table left_open (); select txid_current()');
  }
  return clients;
};

describe.skipIf(!hasPostgres)(`nobody notices, under load,${needsPostgres}`, () => {
  it('that transactions stay open, that every connection is ended, and that one is cut after the commit, before anybody hears of it', () =>
    underLoad(async (rig) => {
      const { sql, proxy, answered } = rig;
      const others = await besideTheLog(rig);
      for (let count = 0; count < 5 * ROUNDS; count++) {
        await sql(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lumin-user-service'`);
        await answered(201);
        await sleep(300);
      }
      for (let count = 0; count < 10 * ROUNDS; count++) {
        const before = proxy.cuts();
        proxy.cutNext({ beforeAnswer: 'outcome' });
        await until('the connection is cut', () => proxy.cuts() > before);
        await answered(200);
      }
      await Promise.all(others.map((other) => other.end()));
    }));
});
