import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { until } from '../fixtures/until.ts';
import { hasServers, needsServers } from './needs.ts';
import { leaderOf } from './processes.ts';
import { long, publishedOnce, underLoad } from './rig.ts';
import { again } from './rounds.ts';

/** Longer than the lease of the one that publishes. */
const FROZEN_MS = long ? 30_000 : 5_000;

describe.skipIf(!hasServers)(`one of two processes stands still under load, and wakes up${needsServers}`, () => {
  it('when the other publishes by then: it answers nothing that is old, and publishes nothing twice or late', async () => {
    const evidence = await underLoad(
      again(async ({ processes, fault, sql }) => {
        const leader = await leaderOf(processes);
        const others = processes.filter((one) => one !== leader);
        await fault(
          leader,
          async () => {
            leader.freeze();
            const woken = sleep(FROZEN_MS);
            // The lease of its tasks ends after 15 s; a short run does not wait for that.
            if (!long) await sql(`update tasks set not_before = now() where status = 'running'`);
            expect(await leaderOf(others)).not.toBe(leader);
            await woken;
          },
          leader.thaw,
        );
        await until('it knows that it does not lead', async () => (await leader.metric('lumin_relay_leading')) === 0);
      }),
      { roles: ['all', 'all'], redis: [], nats: '' },
    );
    publishedOnce(evidence);
  });
});
