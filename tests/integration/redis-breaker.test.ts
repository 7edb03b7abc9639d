import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRedis, type Redis } from '../../src/infrastructure/cache/redis.ts';
import { findRedis, type OwnServer, startRedis } from '../fixtures/servers.ts';
import { startProxy, type TcpProxy } from '../fixtures/tcp-proxy.ts';
import { until } from '../fixtures/until.ts';

describe.skipIf(findRedis() === undefined)('the connection to Redis [needs redis-server]', () => {
  let server: OwnServer;
  let proxy: TcpProxy;
  let redis: Redis;
  let said: unknown[] = [];
  beforeEach(async () => {
    said = [];
    server = (await startRedis()) as OwnServer;
    proxy = await startProxy(server.url);
    redis = openRedis(proxy.url, { connections: 3, onError: (error) => said.push((error as { code?: string }).code) });
    await until('it is there', redis.available);
  });
  afterEach(async () => {
    await redis.close();
    await proxy.close();
    await server.stop();
  });

  const ping = () => redis.call((client) => client.ping());

  it('gives a silent server up after one wait of all who ask together, says so once, and comes back by itself', async () => {
    expect(await ping()).toBe('PONG');
    server.freeze();
    expect(await Promise.all([ping(), ping(), ping()])).toEqual([undefined, undefined, undefined]);
    expect(redis.available()).toBe(false);
    let asked = false;
    expect(await redis.call(async () => (asked = true))).toBeUndefined();
    expect(asked).toBe(false);
    await until('a try fails too, and another begins', () => proxy.connections() > 0);
    expect(said).toEqual(['no answer in time']);
    server.thaw();
    await until('it is there again', redis.available);
    expect(await ping()).toBe('PONG');
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
    expect(await redis.call((client) => client.call('INCRBY', 'key', 'john@example.com'))).toBeUndefined();
    expect(said).toEqual(['ERR']);
    expect(await ping()).toBe('PONG');
  });
});
