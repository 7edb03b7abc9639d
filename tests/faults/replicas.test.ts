import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'vitest';
import { hasServers, needsServers } from './needs.ts';
import { long, publishedOnce, underLoad } from './rig.ts';

const ROUNDS = long ? 60 : 2;
/** How long a process is away, at most: longer than any lease in the long run, as a crash loop is in the short one. */
const AWAY_MS = long ? 20_000 : 1_000;

describe.skipIf(!hasServers)(`three API processes, two task workers and two outbox workers under load${needsServers}`, () => {
  it('are killed at random: every change is in the log and in the stream once, in order per user, and the caches are right within a second', async () => {
    const evidence = await underLoad(
      async ({ random, processes, fault }) => {
        for (let round = 0; round < ROUNDS; round++) {
          const victims = new Set(Array.from({ length: 1 + random.below(3) }, () => random.pick(processes)));
          await Promise.all(
            [...victims].map((victim) =>
              fault(
                victim,
                async () => {
                  await sleep(random.below(500));
                  await victim.kill();
                  await sleep(random.below(AWAY_MS));
                },
                victim.start,
              ),
            ),
          );
        }
      },
      { roles: ['api', 'api', 'api', 'worker:tasks', 'worker:tasks', 'worker:outbox', 'worker:outbox'], redis: [], nats: '' },
    );
    publishedOnce(evidence);
  });
});
