import { spawnSync } from 'node:child_process';
import { chownSync, closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { headHolder } from '../fixtures/head-holder.ts';
import { hasNats, hasPostgres, needsPostgres } from './needs.ts';
import { type FaultRig, underLoad } from './rig.ts';
import { afterwards, lasting } from './rounds.ts';

/** A file system of 16 MB, or null where this user may not mount one. */
const smallDisk = () => {
  const folder = mkdtempSync(join(tmpdir(), 'lumin-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'none', folder]);
  const remove = (): void => {
    if (status === 0) spawnSync('umount', ['--lazy', folder]);
    rmdirSync(folder);
  };
  if (status === 0) return { folder, remove };
  remove();
  return null;
};
const tried = smallDisk();
tried?.remove();
const needsDisk = tried === null ? ' [needs root: it mounts a small disk]' : '';

/** Changes are refused with this code for a while, and everybody who reads meanwhile is answered. */
const readsGoOn = async (rig: FaultRig, take: () => Promise<unknown>, give: () => unknown): Promise<void> => {
  await rig.fault(
    'writes',
    async () => {
      await take();
      await rig.answered('store-read-only');
      const since = performance.now();
      await lasting(rig);
      const reads = rig.history.filter(({ kind, started }) => kind === 'read' && started > since);
      expect(new Set(reads.map(({ status }) => status))).toEqual(new Set([200]));
    },
    give,
  );
  await afterwards(rig);
};

describe.skipIf(!hasPostgres).concurrent(`PostgreSQL takes no changes under load${needsPostgres}`, () => {
  it('read-only: changes are refused, reads go on', () =>
    underLoad(async (rig) => {
      const set = async (value: string): Promise<void> => {
        await rig.sql(`alter system set default_transaction_read_only = ${value}`);
        await rig.sql('select pg_reload_conf()');
      };
      await readsGoOn(
        rig,
        () => set('on'),
        () => set('off'),
      );
    }));

  it.skipIf(tried === null)(`its disk is full: changes are refused, reads go on${needsDisk}`, async () => {
    const disk = smallDisk() as NonNullable<typeof tried>;
    const filler = join(disk.folder, 'filler');
    const fill = (): void => {
      const file = openSync(filler, 'w');
      for (const size of [65_536, 1]) {
        try {
          for (;;) writeSync(file, Buffer.alloc(size));
        } catch {
          // It is full.
        }
      }
      closeSync(file);
    };
    try {
      await underLoad(async (rig) => {
        const { uid, gid } = statSync(rig.postgres.folder);
        chownSync(disk.folder, uid, gid);
        await rig.sql(`create tablespace small location '${disk.folder}'`);
        await rig.sql('alter table events set tablespace small');
        await readsGoOn(
          rig,
          async () => fill(),
          () => rmSync(filler),
        );
      });
    } finally {
      disk.remove();
    }
  });

  it('another session holds the head of the log', () =>
    underLoad(async (rig) => {
      const holder = await headHolder(rig.postgres.url);
      await rig.fault(
        'writes',
        async () => {
          await holder.hold();
          await rig.answered(503);
        },
        holder.release,
      );
      await afterwards(rig);
      await holder.close();
    }));

  it('every connection of the pool waits for a table that another session locked: still ready', () =>
    underLoad(
      async (rig) => {
        const other = new pg.Client({ connectionString: rig.postgres.url });
        await other.connect();
        await rig.fault(
          'writes',
          async () => {
            await other.query('begin; lock table users in access exclusive mode');
            await rig.answered(503);
            await lasting(rig);
          },
          () => other.query('rollback'),
        );
        await afterwards(rig);
        await other.end();
      },
      { env: { DATABASE_POOL_SIZE: '2', DATABASE_MAX_OVERFLOW: '0' }, ...(hasNats && { nats: '' }) },
    ));
});
