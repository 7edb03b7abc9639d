import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { created } from '../fixtures/http.ts';
import type { Service } from '../fixtures/http-service.ts';
import { findRedis } from '../fixtures/own-servers.ts';
import { openRedisRig, type RedisRig } from '../fixtures/redis-rig.ts';
import { until } from '../fixtures/until.ts';

/** A read may lose some 20 ms to a Redis that is silent, once. This is what a busy machine may add, and less than any wait for Redis would be. */
const BUDGET_MS = 10_000;
const SOON_MS = 1_000;

describe.skipIf(inject('postgresUrl') === null || findRedis() === undefined)('when Redis fails [needs PostgreSQL and redis-server]', () => {
  let rig: RedisRig;
  let a: Service;
  let b: Service;
  beforeAll(async () => {
    rig = await openRedisRig();
    [a, b] = await Promise.all([rig.start(), rig.start()]);
    await rig.shared(a, b);
  });
  afterAll(() => rig?.close());

  /** Reads that memory cannot answer, own and others' writes: everything is as with Redis. */
  const servesAsEver = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) {
      const { user_id } = await created(a);
      const started = performance.now();
      expect((await rig.get(b, user_id)).status).toBe(200);
      expect(performance.now() - started).toBeLessThan(BUDGET_MS);
      expect((await rig.change(a, user_id, 'two')).status).toBe(200);
      expect((await rig.get(a, user_id)).body.version).toBe(2);
      if (i === 0) await until('the other one sees it', async () => (await rig.get(b, user_id)).body.version === 2, SOON_MS);
    }
  };

  const faults: [string, () => unknown, () => unknown][] = [
    ['is killed', () => rig.redis.kill(), () => rig.redis.restart()],
    ['stands still', () => rig.redis.freeze(), () => rig.redis.thaw()],
    ['answers half a second late', () => rig.proxy.set({ delay: 250 }), () => rig.proxy.set('pass')],
    ['is cut off', () => [rig.proxy.set('refuse'), rig.proxy.cutAll()], () => rig.proxy.set('pass')],
  ];

  it.each(faults)('and %s, everything is answered as ever; health says so, and it heals by itself', async (_, fail, mend) => {
    await fail();
    await servesAsEver();
    await rig.cacheIs(b, 'unavailable');
    expect((await b.request('GET', '/health')).body.status).toBe('degraded');
    expect((await b.request('GET', '/health/ready')).status).toBe(200);
    await mend();
    await rig.cacheIs(b, 'ok');
    await rig.shared(a, b);
  });

  it('and is away at the start, the service starts without it', async () => {
    await rig.proxy.set('refuse');
    const late = await rig.start();
    const { user_id } = await created(late);
    expect((await rig.get(late, user_id)).status).toBe(200);
    await rig.cacheIs(late, 'unavailable');
    await rig.proxy.set('pass');
    await rig.cacheIs(late, 'ok');
    await rig.shared(a, late);
  });

  it('and loses everything, each user is loaded once', async () => {
    const { user_id } = await rig.kept(a);
    await rig.client.flushall();
    const before = await rig.count(b, 'store');
    await Promise.all(Array.from({ length: 50 }, async () => expect((await rig.get(b, user_id)).status).toBe(200)));
    expect(await rig.count(b, 'store')).toBe(before + 1);
    await rig.shared(a, b);
  });

  it('and has no memory left, what is there becomes no lie', async () => {
    const { user_id, key } = await rig.kept(a);
    await rig.client.config('SET', 'maxmemory', '1');
    await servesAsEver();
    await rig.change(a, user_id, 'two');
    expect(await rig.client.get(key)).toMatch(/^\S+ \d+ 1 /);
    expect((await rig.get(await rig.start(), user_id)).body.version).toBe(2);
    await rig.client.config('SET', 'maxmemory', '0');
    await rig.shared(a, b);
  });

  it('and comes back with what it held some time ago, nothing of that is served', async () => {
    const users = [];
    for (let i = 0; i < 20; i++) users.push(await rig.kept(a));
    await rig.client.save();
    const [dump, old] = ['dump.rdb', 'old.rdb'].map((name) => join(rig.redis.folder, name)) as [string, string];
    copyFileSync(dump, old);
    for (const { user_id } of users) await rig.change(a, user_id, 'two');
    const last = users.at(-1)?.key as string;
    await rig.redis.kill();
    copyFileSync(old, dump);
    await rig.redis.restart();
    expect(await rig.client.get(last)).toMatch(/^\S+ \d+ 1 /);
    // This one has nothing in memory that could save it.
    const fresh = await rig.start();
    for (const { user_id } of users) {
      expect((await rig.get(fresh, user_id)).body.version).toBe(2);
      expect((await rig.get(b, user_id)).body.version).toBe(2);
    }
    await rig.shared(a, fresh);
  });
});
