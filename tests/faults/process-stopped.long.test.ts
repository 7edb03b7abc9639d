import { describe, expect, it } from 'vitest';
import { hasPostgres, needsPostgres } from './needs.ts';
import type { Process } from './processes.ts';
import { underLoad } from './rig.ts';

describe.skipIf(!hasPostgres)(`a process under load${needsPostgres}`, () => {
  it('is asked to stop: what it was asked before is answered, and it ends by itself', () =>
    underLoad(async ({ processes, fault, history }) => {
      const [first] = processes as [Process];
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
