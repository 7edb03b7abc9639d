import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { findPostgres, type OwnServer, startStandby } from '../fixtures/own-servers.ts';
import { until } from '../fixtures/until.ts';
import { hasPostgres, needsPostgres } from './needs.ts';
import { underLoad } from './rig.ts';
import { afterwards, lasting } from './rounds.ts';

/** The standby's data, at the address of the server that is gone. */
const takeOver = async (gone: OwnServer, standby: OwnServer): Promise<void> => {
  await standby.end('SIGINT');
  rmSync(join(gone.folder, 'data'), { recursive: true });
  renameSync(join(standby.folder, 'data'), join(gone.folder, 'data'));
  await gone.restart();
};

const canCopy = findPostgres('pg_basebackup') !== undefined;
const needsCopy = canCopy ? '' : ' [needs pg_basebackup: install it]';

describe.skipIf(!hasPostgres || !canCopy)(`PostgreSQL fails over under load${needsPostgres || needsCopy}`, () => {
  it('to a standby that has all that was committed: changes are refused until it is promoted, and nothing is lost', () =>
    underLoad(async (rig) => {
      const { postgres, sql, answered, fault } = rig;
      const standby = (await startStandby(postgres)) as OwnServer;
      try {
        await sql(`alter system set synchronous_standby_names = '*'`);
        await sql('select pg_reload_conf()');
        const synchronous = `select from pg_stat_replication where sync_state = 'sync'`;
        await until('commits wait for the standby', async () => (await sql(synchronous)).length > 0);
        await answered(201);
        await fault('store', async () => {
          await postgres.kill();
          await takeOver(postgres, standby);
        });
        const readOnly = async (): Promise<void> => {
          await answered('store-read-only');
          await lasting(rig);
        };
        await fault('writes', readOnly, () => sql('select pg_promote()'));
        await afterwards(rig);
      } finally {
        await standby.stop();
      }
    }));
});
