import { describe, expect, it } from 'vitest';
import { batchLoader } from '../../src/infrastructure/concurrency/batch-loader.ts';

/** Doubles each number, leaves out those above a thousand, and keeps what it was asked. */
const doubling = () => {
  const asked: number[][] = [];
  const find = batchLoader(async (keys: number[]) => {
    asked.push(keys);
    await new Promise(setImmediate);
    return new Map(keys.filter((key) => key <= 1000).map((key) => [key, key * 2]));
  });
  return { find, asked };
};

describe('coalescing', () => {
  it('turns lookups that come together into one', async () => {
    const { find, asked } = doubling();
    expect(await Promise.all([1, 2, 3].map(find))).toEqual([2, 4, 6]);
    expect(asked).toEqual([[1, 2, 3]]);
  });

  it('asks for a key once, however many want it', async () => {
    const { find, asked } = doubling();
    expect(await Promise.all([1, 1, 1].map(find))).toEqual([2, 2, 2]);
    expect(asked).toEqual([[1]]);
  });

  it('answers null for what is not there', async () => expect(await doubling().find(1001)).toBeNull());

  it('asks anew for a key that comes while it is being looked up: the answer on its way may be too old', async () => {
    const { find, asked } = doubling();
    const first = find(1);
    await new Promise(setImmediate);
    const second = find(1);
    expect(await Promise.all([first, second])).toEqual([2, 2]);
    expect(asked).toEqual([[1], [1]]);
  });

  it('asks for 256 keys at most at a time', async () => {
    const { find, asked } = doubling();
    await Promise.all(Array.from({ length: 600 }, (_, key) => find(key)));
    expect(asked.map((keys) => keys.length)).toEqual([256, 256, 88]);
  });

  it('fails those who asked, and serves the next', async () => {
    let broken = true;
    const find = batchLoader(async (keys: number[]) => {
      if (broken) throw new Error('away');
      return new Map(keys.map((key) => [key, key]));
    });
    expect(await Promise.allSettled([find(1), find(2)])).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
    broken = false;
    expect(await find(1)).toBe(1);
  });
});
