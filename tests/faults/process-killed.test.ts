import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { hasPostgres, needsPostgres } from './needs.ts';
import { type FaultRig, long, underLoad } from './rig.ts';

const ROUNDS = long ? 100 : 2;
/** Of everything at once. A thousand in the long run: many rigs, so that no history grows without end. */
const CYCLES = long ? 50 : 2;
const RIGS = Array.from({ length: long ? 20 : 1 }, (_, index) => [index * CYCLES + 1, (index + 1) * CYCLES]);

/** The first process dies at the fail point, again and again, and is started again each time. */
const dies = (failpoint: (random: FaultRig['random']) => string, options: Parameters<typeof underLoad>[1] = {}) => {
  return () =>
    underLoad(async ({ random, processes: [first], fault }) => {
      if (first === undefined) return;
      for (let round = 0; round < ROUNDS; round++) {
        await fault(first, async () => {
          await first.kill();
          await first.start(failpoint(random));
          await first.dies();
          await first.start();
        });
      }
    }, options);
};

describe.skipIf(!hasPostgres).concurrent(`the service is killed under load${needsPostgres}`, () => {
  it(
    'before the batch is sent: it is not there, and asked again it is done',
    dies(({ below }) => `batch.built=kill@${1 + below(50)}`),
  );
  it(
    'at any moment after the batch was sent',
    dies(({ below }) => `batch.sent=kill:${below(8)}@${1 + below(50)}`),
  );
  it(
    'after the commit, before anybody is answered',
    dies(({ below }) => `batch.committed=kill@${1 + below(50)}`),
  );
  it(
    'after the commit, before it tells its cache: the other process is told by the log',
    dies(({ below }) => `cache.invalidate=kill@${1 + below(50)}`, { roles: ['all', 'all'] }),
  );

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

  it('asked to stop: what it was asked before is answered, and it ends by itself', () =>
    underLoad(async ({ processes: [first], fault, history }) => {
      if (first === undefined) return;
      const asked = performance.now();
      await fault(first, async () => {
        first.child().process.kill('SIGTERM');
        expect(await first.child().exited).toBe(0);
        expect(performance.now() - asked).toBeLessThan(10_000);
        expect(history.filter(({ started, status }) => started < asked && status === null)).toEqual([]);
        await first.start();
      });
    }));
});
