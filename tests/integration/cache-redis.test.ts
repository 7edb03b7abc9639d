import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { listening, startMain } from '../fixtures/child.ts';
import { anyStore } from '../fixtures/database-kinds.ts';
import { aUser, created } from '../fixtures/http.ts';
import type { Service } from '../fixtures/http-service.ts';
import { findRedis } from '../fixtures/own-servers.ts';
import { openRedisRig, type RedisRig } from '../fixtures/redis-rig.ts';
import { until } from '../fixtures/until.ts';

/** What another replica wrote must be seen within a second. */
const SOON_MS = 1_000;
const runs = inject('postgresUrl') !== null && findRedis() !== undefined;

describe.skipIf(!runs)('replicas that share a Redis [needs PostgreSQL and redis-server]', () => {
  let rig: RedisRig;
  let a: Service;
  let b: Service;
  beforeAll(async () => {
    rig = await openRedisRig();
    [a, b] = await Promise.all([rig.start(), rig.start()]);
    await rig.shared(a, b);
  });
  afterAll(() => rig?.close());

  it('load a user once for all of them', () =>
    until('twenty readers of another replica cost one look at Redis and no load', async () => {
      const { user_id } = await rig.kept(a);
      const before = [await rig.count(b, 'redis'), await rig.count(b, 'store')];
      const answers = await Promise.all(Array.from({ length: 20 }, () => rig.get(b, user_id)));
      for (const { status, body } of answers) expect([status, body.version]).toEqual([200, 1]);
      const after = [await rig.count(b, 'redis'), await rig.count(b, 'store')];
      return after[0] === (before[0] ?? 0) + 1 && after[1] === before[1];
    }));

  it("see each other's changes within a second, and never go back", async () => {
    const { user_id } = await rig.kept(a);
    const seen = new Map<Service, number>();
    const read = async (service: Service): Promise<number> => {
      const { version } = (await rig.get(service, user_id)).body;
      expect(version).toBeGreaterThanOrEqual(seen.get(service) ?? 1);
      seen.set(service, version);
      return version;
    };
    for (let version = 2; version < 7; version++) {
      const [writer, reader] = version % 2 === 0 ? [a, b] : [b, a];
      await read(reader);
      await rig.change(writer, user_id, `${version}`);
      expect(await read(writer)).toBe(version);
      await until('the other one sees it', async () => (await read(reader)) === version, SOON_MS);
    }
  });

  it('see within a second what one wrote that was killed before it told its own cache', async () => {
    const { user_id } = await rig.kept(a);
    await rig.get(b, user_id);
    const dying = startMain(
      { DATABASE_URL: rig.store.url, REDIS_URL: rig.proxy.url, LUMIN_TEST_FAILPOINTS: 'cache.invalidate=kill' },
      'api',
    );
    const body = JSON.stringify({ new_bio: 'the last words' });
    const headers = { 'content-type': 'application/json' };
    const address = await listening(dying);
    await until('it is ready', async () => (await fetch(`${address}/health/ready`)).ok);
    await expect(fetch(`${address}${rig.url(user_id)}/bio`, { method: 'PATCH', headers, body })).rejects.toThrow();
    expect(await dying.exited).toBeNull();
    await until('the other one sees it', async () => (await rig.get(b, user_id)).body.version === 2, SOON_MS);
    // And one that only knows what is in Redis.
    const fresh = await rig.start();
    expect((await rig.get(fresh, user_id)).body.bio).toBe('the last words');
    await rig.stop(fresh);
  });

  it('write nothing personal into a key, and nothing for ever', async () => {
    const { user_id } = await rig.kept(a);
    await rig.change(a, user_id, 'told');
    for (const key of await rig.client.keys('*')) {
      // Deployment, generation, server.
      expect(key).toMatch(/^lumin:[\w-]{12}:([0-9a-f]{1,16}:user:\d+:\d+:[0-9a-f-]{36}|\d+:[0-9a-f]{1,16}:result:task_\w{26})$/);
      expect(await rig.client.pttl(key)).toBeGreaterThan(0);
    }
  });

  it('believe nothing that they have not written for this user at this version, and count it', async () => {
    const [{ key: others }, { key: own, user_id: mine }] = [await rig.kept(a), await rig.kept(a)];
    const [other, text] = [(await rig.client.get(others)) ?? '', (await rig.client.get(own)) ?? ''];
    const [code = '', position = '', version = '', ...json] = text.split(' ');
    const foreign = [
      ...['x', ' ', '7 x', 'null', '1 seal null', `${'A'.repeat(43)} 1 1 {}`],
      ...[other, text.replace('John', 'Eve'), `${text} `, text.slice(1), [version, position, ...json].join(' ')],
      ...[[code, position, '8', ...json].join(' '), [code, '999999', version, ...json].join(' ')],
    ];
    for (const one of foreign) {
      await until(`${JSON.stringify(one.slice(0, 20))} is rejected`, async () => {
        const { user_id, key } = await rig.kept(a);
        await rig.client.set(key, one, 'KEEPTTL');
        const before = await rig.count(b, 'rejected');
        expect((await rig.get(b, user_id)).body).toMatchObject({ user_id, version: 1, username: { first_name: 'John' } });
        return (await rig.count(b, 'rejected')) === before + 1;
      });
    }
    await rig.client.set(own, '');
    expect((await rig.get(b, mine)).body.version).toBe(1);
    await rig.client.del(own);
    await rig.client.rpush(own, 'not a text');
    expect((await rig.get(b, mine)).body.version).toBe(1);
  });

  it('believe no old copy that somebody puts back, whether they know the change or have only just started', async () => {
    const { user_id, key } = await rig.kept(a);
    const copy = (await rig.client.get(key)) as string;
    await rig.change(a, user_id, 'two');
    await until('the other one sees it', async () => (await rig.get(b, user_id)).body.version === 2, SOON_MS);
    const fresh = await rig.start();
    for (const service of [fresh, b]) {
      await rig.client.set(key, copy);
      expect((await rig.get(service, user_id)).body.version).toBe(2);
    }
    await rig.stop(fresh);
  });

  it('of two databases do not see each other', async () => {
    const place = await anyStore();
    const stranger = await rig.start(place.url);
    const user_id = randomUUID();
    await created(a, { user_id });
    await created(stranger, { user_id, username: { first_name: 'Another' } });
    for (const service of [a, stranger]) {
      await until('both are in Redis', async () => {
        await rig.get(service, user_id, { 'cache-control': 'no-cache' });
        return (await rig.client.keys(`*${user_id}`)).length === 2 || service === a;
      });
    }
    expect((await rig.get(b, user_id)).body.username.first_name).toBe('John');
    await rig.stop(stranger);
    await place.drop();
  });
});

describe.skipIf(!runs)('a Redis with a password [needs PostgreSQL and redis-server]', () => {
  it('is used with it, and a wrong one is said without being told', async () => {
    const rig = await openRedisRig({ args: ['--requirepass', 'open-sesame'], env: { REDIS_PASSWORD: 'open-sesame' } });
    try {
      const [right, wrong] = [await rig.start(), await rig.start(rig.store.url, { REDIS_PASSWORD: 'open-barley' })];
      await rig.cacheIs(right, 'ok');
      expect((await wrong.request('POST', '/api/users', aUser())).status).toBe(201);
      await rig.cacheIs(wrong, 'unavailable');
      await until('it is said', () => wrong.logs.some((line) => line.includes('Redis cannot be reached') && line.includes('WRONGPASS')));
      expect(wrong.logs.join()).not.toContain('open-barley');
    } finally {
      await rig.close();
    }
  });
});
