import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { headHolder } from '../fixtures/head-holder.ts';
import { hasPostgres, needsPostgres } from './needs.ts';
import { type FaultRig, underLoad } from './rig.ts';
import { ROUNDS } from './rounds.ts';

/** How often the server gave a statement of the service up for this reason. */
const givenUp = ({ postgres }: FaultRig, sqlstate: string): number =>
  readFileSync(join(postgres.folder, 'log'), 'utf8').split(`lumin-user-service ${sqlstate} ERROR`).length - 1;
const conf = { log_line_prefix: '%a %e ' };

/** A setting of the whole server, for as long as `during` takes. */
const withSetting = async ({ sql }: FaultRig, name: string, value: string, during: () => Promise<unknown>): Promise<void> => {
  await sql(`alter system set ${name} = '${value}'`);
  await sql('select pg_reload_conf()');
  await during();
  await sql(`alter system reset ${name}`);
  await sql('select pg_reload_conf()');
};

describe.skipIf(!hasPostgres)(`nobody notices, under load,${needsPostgres}`, () => {
  it('that the server gives statements up in deadlocks, and has settings that would make it give up others', () =>
    underLoad(
      async (rig) => {
        const other = new pg.Client({ connectionString: rig.postgres.url });
        other.on('error', () => {});
        await other.connect();
        const holder = await headHolder(rig.postgres.url);
        /** The same until the service met it often enough. */
        const provoke = async (sqlstate: string, round: () => Promise<unknown>): Promise<void> => {
          for (const enough = givenUp(rig, sqlstate) + 3 * ROUNDS; givenUp(rig, sqlstate) < enough; ) await round();
        };
        try {
          await provoke('40P01', async () => {
            // The append takes the head row and then users; this takes them the other way round.
            await other.query('begin; set local deadlock_timeout = 10000; select 1 from users for update');
            await other.query('select 1 from log_head for update').catch(({ code }) => expect(code).toBe('40P01'));
            await other.query('rollback');
          });
          // Sessions set these themselves, so what the server has been told gives up none of their statements.
          await withSetting(rig, 'default_transaction_isolation', 'repeatable read', () =>
            withSetting(rig, 'lock_timeout', '50', async () => {
              for (let round = 0; round < 3 * ROUNDS; round++) {
                await other.query(
                  'begin isolation level read committed; set local lock_timeout = 0; update log_head set position = position',
                );
                await holder.awaitWaiting(1);
                await sleep(100);
                await other.query('commit');
              }
            }),
          );
          expect(['40001', '55P03'].map((sqlstate) => givenUp(rig, sqlstate))).toEqual([0, 0]);
        } finally {
          await Promise.all([other.end(), holder.close()]);
        }
      },
      { conf },
    ));
});
