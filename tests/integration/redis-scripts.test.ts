import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { Redis as Client } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ANNOUNCE, KEEP } from '../../src/infrastructure/cache/redis-users.ts';
import { type FakeRedis, fakeRedis } from '../fixtures/fake-redis.ts';

const RECORD = 'log';
const USERS = ['user a', 'user b', 'user c'];
const LIFETIME = 60_000;

const users = fc.uniqueArray(fc.constantFrom(...USERS), { minLength: 1 });
const version = fc.nat({ max: 5 });
const position = fc.nat({ max: 5 });
/** Ours, and what others may have written there. */
const foreign = fc.constantFrom('', 'x', '7', '9 {"a":1}', '3 12', '3 x', ' 4', '-1 5', '1e3', '99999999999999999999 1', null);

const doing = fc.oneof(
  fc.record({ what: fc.constant('keep' as const), users, versions: fc.array(version, { minLength: 3, maxLength: 3 }) }),
  fc.record({ what: fc.constant('announce' as const), users, began: position, from: position, to: position, head: position, version }),
  fc.record({ what: fc.constant('read' as const) }),
  fc.record({ what: fc.constant('foreign' as const), key: fc.constantFrom(RECORD, ...USERS), text: foreign }),
  fc.record({ what: fc.constant('lose' as const), key: fc.constantFrom(RECORD, ...USERS) }),
);
type Doing = typeof doing extends fc.Arbitrary<infer T> ? T : never;

describe.skipIf(inject('redisUrl') === null)('Redis in memory, with which the cache is tested [needs Redis]', () => {
  const prefix = `lumin-test:${randomUUID()}:`;
  let real: Client;
  beforeAll(() => {
    real = new Client(inject('redisUrl') as string);
  });
  const named = (name: string): string => `${prefix}${name}`;
  const clear = () => real.del([RECORD, ...USERS].map(named));
  afterAll(async () => {
    await clear();
    real.disconnect();
  });

  const commands =
    (
      { eval: run, mget }: Pick<FakeRedis, 'eval' | 'mget'>,
      put: (key: string, text: string | null) => unknown,
      lose: (key: string) => unknown,
    ) =>
    (one: Doing): unknown => {
      switch (one.what) {
        case 'keep':
          return run(
            KEEP,
            one.users.length,
            ...one.users.map(named),
            LIFETIME,
            ...one.users.map((user, i) => `${one.versions[i]} seal ${user}`),
          );
        case 'announce': {
          const numbers = [one.began, one.from, one.to, one.head];
          return run(
            ANNOUNCE,
            one.users.length + 1,
            ...[RECORD, ...one.users].map(named),
            LIFETIME,
            ...numbers,
            ...one.users.map(() => one.version),
          );
        }
        case 'read':
          return mget(...[RECORD, ...USERS].map(named));
        case 'foreign':
          return put(named(one.key), one.text);
        case 'lose':
          return lose(named(one.key));
      }
    };

  it('does what a real one does, whatever it is asked and whatever is there', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(doing, { minLength: 1, maxLength: 20 }), async (doings) => {
        await clear();
        const fake = fakeRedis();
        const ofReal = commands(
          {
            eval: (script, count, ...rest) => real.eval(script, count, ...rest) as Promise<string | null>,
            mget: (...keys) => real.mget(keys),
          },
          (key, text) => (text === null ? real.del(key).then(() => real.rpush(key, 'x')) : real.set(key, text)).then(() => {}),
          (key) => real.del(key).then(() => {}),
        );
        const ofFake = commands(
          fake,
          (key, text) => void fake.data.set(key, text),
          (key) => void fake.data.delete(key),
        );
        for (const one of [...doings, { what: 'read' } as const]) expect(await ofFake(one)).toEqual(await ofReal(one));
      }),
      { numRuns: 300 },
    );
  });

  it('leaves nothing behind for ever', async () => {
    await clear();
    await real.set(named('user b'), '1');
    await real.eval(ANNOUNCE, 1, named(RECORD), LIFETIME, '', 5, 5, 5);
    await real.eval(KEEP, 1, named('user a'), LIFETIME, '1 seal {}');
    await real.eval(ANNOUNCE, 2, named(RECORD), named('user b'), LIFETIME, 5, 5, 6, 6, 2);
    for (const name of [RECORD, 'user a', 'user b']) expect(await real.pttl(named(name))).toBeGreaterThan(LIFETIME - 10_000);
  });
});
