import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'vitest';
import { hasPostgres, needsPostgres } from './needs.ts';
import type { Process } from './processes.ts';
import { type FaultRig, long, underLoad } from './rig.ts';

const ROUNDS = long ? 50 : 1;
/** Of everything at once. A thousand in the long run: in many rigs, so that no history grows without end. */
const CYCLES = long ? 25 : 1;
const RIGS = Array.from({ length: long ? 40 : 1 }, (_, index) => [index * CYCLES + 1, (index + 1) * CYCLES]);

/** Where a change is on its way, and how long after that the process dies. */
const STEPS: ((below: FaultRig['random']['below']) => string)[] = [
  () => 'batch.built=kill',
  (below) => `batch.sent=kill:${below(8)}`,
  () => 'batch.committed=kill',
  () => 'cache.invalidate=kill',
];

describe.skipIf(!hasPostgres).concurrent(`a process is killed under load${needsPostgres}`, () => {
  it('before a batch is sent, at any moment after that, after the commit before anybody is answered, and before its cache is told', () =>
    underLoad(
      async ({ random: { below }, processes, fault }) => {
        const [first] = processes as [Process];
        // Nobody knows when it dies, so all of it is one fault of this process. The other one goes on.
        await fault(first, async () => {
          await first.kill();
          for (let round = 0; round < ROUNDS; round++) {
            for (const step of STEPS) {
              await first.start(`${step(below)}@${1 + below(20)}`);
              await first.dies();
            }
          }
          await first.start();
        });
      },
      { roles: ['all', 'all'] },
    ));

  it.each(RIGS)('together with all others and PostgreSQL: cycles %i to %i', async () => {
    await underLoad(
      async ({ random, processes, postgres, faults, answered }) => {
        for (let cycle = 0; cycle < CYCLES; cycle++) {
          await sleep(random.below(500));
          const from = performance.now();
          await Promise.all([postgres.kill(), ...processes.map(({ kill }) => kill())]);
          await postgres.restart();
          await Promise.all(processes.map(({ start }) => start()));
          const to = performance.now();
          faults.push({ what: 'api', from, mending: from, to }, { what: 'store', from, mending: from, to });
          await answered(201);
        }
      },
      { roles: ['api', 'worker:tasks'] },
    );
  });
});
