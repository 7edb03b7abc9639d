import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ANNOUNCE, KEEP } from '../../src/infrastructure/cache/redis-users.ts';
import { type Act, actsOfProcess, actsOfWorld, type Defect, playHistory } from '../fixtures/cache-world.ts';

const MEMORY = 10;
// A cache of the real size takes longer to make than a whole history to play.
vi.mock('lru-cache', async (original) => {
  const { LRUCache } = await original<typeof import('lru-cache')>();
  const Small = class extends LRUCache<string, object> {
    constructor(options: object) {
      super({ ...options, max: MEMORY });
    }
  };
  return { LRUCache: Small };
});

const act = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<Act>(...actsOfProcess) },
  { weight: 1, arbitrary: fc.constantFrom<Act>(...actsOfWorld) },
);
/** Which of all that can happen next does: the first, unless said otherwise. */
const order = fc.noBias(fc.array(fc.nat({ max: 30 }), { minLength: 80, maxLength: 80 }));
const histories = fc.record({
  /** What begins together; a phase begins when the one before has ended. */
  phases: fc.array(fc.array(act, { minLength: 1, maxLength: 10 }), { minLength: 1, maxLength: 4 }),
  order,
});

type Planted = { defect: Defect; phases: Act[][] };
const follow: Act[] = ['follow in memory 0', 'follow in Redis 0'];
/** A read is slow, and overtaken. */
const overtaken: Act[][] = [['read 0', 'write 1', 'follow in Redis 1']];

describe('two processes over one Redis, whatever comes when', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('show no client an older version after a newer one, and nobody what was replaced a second ago', () =>
    fc.assert(
      fc.asyncProperty(histories, ({ phases, order }) => playHistory(phases, order, MEMORY)),
      { numRuns: 1_500 },
    ));

  const rare: Record<string, Act[][]> = {
    'Redis loses its data while a load is overtaken': [['flush Redis'], ['fresh read 0', 'write 1', 'follow in Redis 0']],
    'Redis goes back to an old copy, and that is being mended': [
      ...([['read 0'], ['save Redis'], ['write 1'], follow, ['memory fills with others'], follow] satisfies Act[][]),
      ...([['restore Redis'], ['follow in Redis 0', 'read 0']] satisfies Act[][]),
    ],
    'the end of the log is told late': [['read 0'], ['follow in memory 0', 'write 1', 'a second passes', 'read 0']],
    'a write is answered late by a process that has just started': [
      ['restart 0', 'write 0', 'write 1'],
      ['a second passes'],
      follow,
      ['read 0'],
    ],
  };
  it.each(Object.entries(rare))('not even where %s', (_, phases) =>
    fc.assert(
      fc.asyncProperty(order, (one) => playHistory(phases, one, MEMORY)),
      { numRuns: 750 },
    ),
  );

  // Each with the acts that it takes, in some order. Histories of all acts find each of them too, but it may take 15,000 of them.
  const planted: Record<string, Planted> = {
    'an invalidation deletes, and leaves no tombstone': {
      phases: overtaken,
      defect: {
        redis: ({ data, scripts }) => {
          const announce = scripts[ANNOUNCE];
          scripts[ANNOUNCE] = (keys, args) => {
            const record = announce?.(keys, args) ?? null;
            for (const key of keys.slice(1)) if (/^\d+$/.test(data.get(key) ?? '')) data.delete(key);
            return record;
          };
        },
      },
    },
    'a value replaces a newer one': {
      phases: overtaken,
      defect: {
        redis: ({ data, scripts }) => {
          scripts[KEEP] = (keys, [, ...values]) => {
            for (const [index, key] of keys.entries()) data.set(key, values[index] as string);
            return null;
          };
        },
      },
    },
    'the position moves without the tombstones': {
      phases: [['read 0'], ['write 1'], follow],
      defect: {
        redis: ({ scripts }) => {
          const announce = scripts[ANNOUNCE];
          scripts[ANNOUNCE] = ([record = ''], args) => announce?.([record], args) ?? null;
        },
      },
    },
    'an old copy of Redis is believed': {
      phases: [['read 0'], ['save Redis'], ['write 1'], follow, ['memory fills with others'], follow, ['restore Redis'], ['read 0']],
      defect: {
        redis: (redis) => {
          const mget = redis.mget;
          redis.mget = async (...keys) => {
            const [record, ...texts] = await mget(...keys);
            return [record?.replace(/ .*/, ' 999') ?? null, ...texts];
          };
        },
      },
    },
    'a reader joins a load that an invalidation has overtaken': {
      phases: [['read 0', 'write 1', 'fresh read 0']],
      defect: {
        loadMany: (loadMany) => {
          let last: Awaited<ReturnType<typeof loadMany>> | null = null;
          return async () => {
            if (last) return last;
            last = await loadMany();
            void turn().then(() => {
              last = null;
            });
            return last;
          };
        },
      },
    },
  };

  it.each(Object.entries(planted))('would be caught where %s', async (_, { phases, defect }) => {
    const details = await fc.check(
      fc.asyncProperty(order, (one) => playHistory(phases, one, MEMORY, defect)),
      { seed: 1, numRuns: 3_000, endOnFailure: true },
    );
    expect(details.failed).toBe(true);
    await fc.assert(
      fc.asyncProperty(order, (one) => playHistory(phases, one, MEMORY)),
      { seed: 1, numRuns: details.numRuns },
    );
  });
});
