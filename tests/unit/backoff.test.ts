import { describe, expect, it } from 'vitest';
import { backoff } from '../../src/infrastructure/concurrency/backoff.ts';

describe('backoff', () => {
  const delay = backoff({ first: 10, max: 500, share: 0.5 });

  it('doubles its bound with every failure, up to the greatest', () =>
    expect([0, 1, 2, 5, 6, 2_000].map((failures) => delay(failures, 1))).toEqual([10, 20, 40, 320, 500, 500]));

  it('waits its share of the bound in any case, and the rest at random', () =>
    expect([0, 0.5, 1].map((random) => delay(0, random))).toEqual([5, 7.5, 10]));
});
