import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { authenticationCode } from '../../src/infrastructure/authentication-code.ts';
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

const CODE = authenticationCode(() => 'secret', 'users in Redis');

type Planted = { defect: Defect; phases: Act[][] };
const follow: Act[] = ['follow 0'];

describe('two processes over one Redis, whatever comes when', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('show no client an older version after a newer one, and nobody what was replaced or lost a second ago', () =>
    fc.assert(
      fc.asyncProperty(histories, ({ phases, order }) => playHistory(phases, order, MEMORY)),
      { numRuns: 1_500 },
    ));

  const rare: Record<string, Act[][]> = {
    'Redis loses its data while a load is overtaken': [['flush Redis'], ['fresh read 0', 'write 1', 'follow 0']],
    'somebody puts an old copy back': [
      ['read 0'],
      ['save Redis'],
      ['write 1'],
      follow,
      ['memory fills with others'],
      follow,
      ['restore Redis'],
      ['read 0'],
    ],
    'somebody puts an old copy back, and a process starts': [
      ['read 0'],
      ['save Redis'],
      ['write 1'],
      ['restore Redis'],
      ['restart 0'],
      ['read 0'],
    ],
    'the end of the log is told late': [['read 0'], ['follow 0', 'write 1', 'a second passes', 'read 0']],
    'a write is answered late by a process that has just started': [
      ['restart 0', 'write 0', 'write 1'],
      ['a second passes'],
      follow,
      ['read 0'],
    ],
  };
  const promoted: Act[][] = [
    ['read 0', 'read 1', 'write 1'],
    ['a standby that lacks something is promoted', 'read 0', 'write 0', 'fresh read 0', 'follow 1'],
    ['follow 0', 'read 1'],
    ['read 0', 'read 1'],
  ];
  const both: Act[] = ['follow 0', 'follow 1'];
  const restoredTwice = (...between: Act[][]): Act[][] => [
    ...([['write 1'], both, ['memory fills with others'], both, ['read 0'], ['a backup is restored'], both, both] as Act[][]),
    ...between,
    ...([['a backup is restored'], follow, ['memory fills with others'], follow, ['read 0']] as Act[][]),
  ];
  Object.assign(rare, {
    'a backup is restored before anybody has followed what it lacks': [
      ...[['read 0'], ['write 0'], ['a second passes'], ['a backup is restored at once'], follow, ['read 0']],
    ],
    'one backup is restored twice': restoredTwice(['write 1'], both),
    'one backup is restored twice, the second time over itself, of which a process sees only the end': restoredTwice(['restart 0'], follow),
    'a standby is promoted that lacks something': promoted,
    'a backup is restored': promoted.map((acts) => acts.map((one) => (one.startsWith('a standby') ? 'a backup is restored' : one))),
  });

  it.each(Object.entries(rare))('not even where %s', (_, phases) =>
    fc.assert(
      fc.asyncProperty(order, (one) => playHistory(phases, one, MEMORY)),
      { numRuns: 750 },
    ),
  );

  // Each with the acts that it takes, in some order. Histories of all acts find each of them too, but it may take 15,000 of them.
  const planted: Record<string, Planted> = {
    'a value is sealed with a later position than its load began at': {
      phases: [['read 0'], ['save Redis'], ['write 1'], follow, ['restore Redis'], ['restart 0'], ['read 0']],
      defect: { code: { ...CODE, seal: (name, text) => CODE.seal(name, text.replace(/^\d+/, '999')) } },
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

  planted['nobody is told that the server is another one'] = { phases: promoted, defect: { silent: true } };

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
