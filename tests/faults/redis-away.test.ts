import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask } from './gather-caches.ts';
import { hasRedis, needsRedis } from './needs.ts';
import type { Process } from './processes.ts';
import { type FaultRig, long, underLoad } from './rig.ts';
import { afterwards, again, lasting } from './rounds.ts';

/** What a request may lose, at most, on a machine that is not busy; the first that meet a silent server lose 20 ms. */
const LOST_MS = 50;

/** How long reads take from then on, as 95 of 100 do not exceed it. */
const slowReads = ({ history }: FaultRig, since: number): number => {
  const took = history.filter(({ kind, started }) => kind === 'read' && started >= since).map(({ started, ended }) => ended - started);
  return took.toSorted((a, b) => a - b)[Math.floor(took.length * 0.95)] ?? 0;
};

describe.skipIf(!hasRedis)(`Redis under load${needsRedis}`, () => {
  it('is away when a process starts, killed and restored from an old copy, and stands still: no request fails or waits', () =>
    underLoad(
      again(async (rig) => {
        const { server } = rig.redis();
        const [, second] = rig.processes as [Process, Process];
        await ask(server.url, 'save');
        const copy = join(server.folder, 'dump.rdb');
        expect(existsSync(copy)).toBe(true);
        await rig.answered(201);
        const killed = async (): Promise<void> => {
          await server.kill();
          await rig.fault(second, second.kill, () => second.start());
          await lasting(rig);
        };
        await rig.fault('redis', killed, server.restart);
        await afterwards(rig);
        const calm = slowReads(rig, performance.now() - 2_000);
        const standing = async (): Promise<void> => {
          const since = performance.now();
          server.freeze();
          await lasting(rig);
          // How long is judged on a quiet machine.
          if (long) expect(slowReads(rig, since)).toBeLessThan(2 * calm + LOST_MS);
        };
        await rig.fault('redis', standing, server.thaw);
        rmSync(copy);
      }),
      { roles: ['all', 'all'], redis: [] },
    ));
});
