import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRedis, type Redis } from '../../src/infrastructure/connections/redis.ts';
import { findRedis, type OwnServer, startRedis } from '../fixtures/own-servers.ts';
import { startProxy, type TcpProxy } from '../fixtures/tcp-proxy.ts';
import { told } from '../fixtures/told.ts';
import { until } from '../fixtures/until.ts';

describe.skipIf(findRedis() === undefined)('the connection to Redis [needs redis-server]', () => {
  let server: OwnServer;
  let proxy: TcpProxy;
  let redis: Redis;
  let lines: string[];
  beforeEach(async () => {
    server = (await startRedis()) as OwnServer;
    proxy = await startProxy(server.url);
    const place = told();
    lines = place.lines;
    redis = openRedis(proxy.url, { connections: 3, log: place.log });
    await until('it is there', redis.available);
    await answered();
  });
  afterEach(async () => {
    await redis.close();
    await proxy.close();
    await server.stop();
  });

  const ping = () => redis.call((client) => client.ping());
  /** On a busy machine a try or two may be answered too late. */
  const answered = () => until('it answers', async () => (await ping()) === 'PONG');

  it('gives a silent server up after one wait of all who ask together, says so once, and comes back by itself', async () => {
    server.freeze();
    expect(await Promise.all([ping(), ping(), ping()])).toEqual([undefined, undefined, undefined]);
    expect(redis.available()).toBe(false);
    let asked = false;
    expect(await redis.call(async () => (asked = true))).toBeUndefined();
    expect(asked).toBe(false);
    await until('a try fails too, and another begins', () => proxy.connections() > 0);
    await until('it is said', () => lines.length > 0);
    expect(lines).toEqual([expect.stringMatching(/^Redis cannot be reached: \S+ does not answer in time /)]);
    server.thaw();
    await answered();
    await until('its end is said', () => lines[1]?.startsWith('Redis is back after '));
  });

  it('stays open where one answer is late among others that are not', async () => {
    const late = redis.call(async () => sleep(1_000), 200);
    const other = () => redis.call((client) => client.ping(), 10_000);
    while ((await Promise.race([late, other()])) !== undefined);
    expect(await late).toBeUndefined();
    expect(redis.available()).toBe(true);
    expect(await other()).toBe('PONG');
    expect(lines).toEqual([]);
  });

  it('does not come back to a server that answers later than a read may wait', async () => {
    await proxy.set({ delay: 50 });
    expect(await ping()).toBeUndefined();
    for (let tries = 0; tries < 2; tries++) {
      await until('it is tried', () => proxy.connections() > 0);
      await until('the try ends', () => proxy.connections() === 0);
      expect(redis.available()).toBe(false);
    }
    await proxy.set('pass');
    await until('it is there again', redis.available);
  });

  it('stays open where the server refuses a command, and tells no argument of it', async () => {
    expect(await redis.call((client) => client.call('INCRBY', 'key', 'john@example.com'), 10_000)).toBeUndefined();
    expect(lines).toEqual([expect.stringMatching(/^Redis refuses commands: \S+ says ERR \(REDIS_URL\): look at its own log$/)]);
    expect(await redis.call((client) => client.ping(), 10_000)).toBe('PONG');
  });
});
