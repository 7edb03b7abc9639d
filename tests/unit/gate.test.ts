import { describe, expect, it } from 'vitest';
import { type Gate, gate } from '../../src/infrastructure/concurrency/gate.ts';

const rig = (bounds: Partial<Parameters<typeof gate>[0]> = {}) => {
  const inTurn: Gate = gate({ atOnce: 2, waiting: 2, waitMs: 60_000, ...bounds });
  const began: number[] = [];
  const ends: { end: () => void; fail: (error: Error) => void }[] = [];
  const run = (number: number): Promise<number> =>
    inTurn(() => {
      began.push(number);
      return new Promise((resolve, reject) => {
        ends[number] = { end: () => resolve(number), fail: reject };
      });
    });
  return { run, began, end: (number: number) => ends[number]?.end(), fail: (number: number) => ends[number]?.fail(new Error('broken')) };
};

describe('a gate', () => {
  it('lets a few run at once and the others in order of arrival, also after one that failed', async () => {
    const { run, began, end, fail } = rig();
    const [one, two, three, four] = [run(1), run(2), run(3), run(4)];
    expect(began).toEqual([1, 2]);
    fail(1);
    await expect(one).rejects.toThrow('broken');
    await expect.poll(() => began).toEqual([1, 2, 3]);
    end(3);
    end(2);
    expect(await Promise.all([two, three])).toEqual([2, 3]);
    await expect.poll(() => began).toEqual([1, 2, 3, 4]);
    end(4);
    expect(await four).toBe(4);
    const again = run(5);
    expect(began).toEqual([1, 2, 3, 4, 5]);
    end(5);
    expect(await again).toBe(5);
  });

  it('refuses whoever finds too many waiting, and whoever has waited for too long', async () => {
    const { run, began, end } = rig({ waitMs: 1 });
    const running = [run(1), run(2)];
    const waiting = [run(3), run(4)];
    await expect(run(5)).rejects.toMatchObject({ code: 'overloaded' });
    for (const late of waiting) await expect(late).rejects.toMatchObject({ code: 'overloaded' });
    end(1);
    end(2);
    await Promise.all(running);
    expect(began).toEqual([1, 2]);
  });
});
