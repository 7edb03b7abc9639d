import { describe, expect, it } from 'vitest';
import { openNats } from '../../src/infrastructure/connections/nats.ts';
import { openRedis } from '../../src/infrastructure/connections/redis.ts';
import { findNats, findRedis, freePort, type OwnServer, startNats, startRedis } from '../fixtures/own-servers.ts';
import { told } from '../fixtures/told.ts';
import { until } from '../fixtures/until.ts';

const connected = async (url: string, password = '') => {
  const { lines, log } = told();
  const redis = openRedis(url, { password, connections: 2, log });
  await until('it is reached or refused', () => redis.available() || lines.length > 0);
  const user = await redis.call((client) => client.acl('WHOAMI'), 2_000);
  return { redis, lines, user };
};

const withoutRedis = findRedis() === undefined ? ' [needs Redis: install it]' : '';
describe.skipIf(findRedis() === undefined)(`a Redis${withoutRedis}`, () => {
  it('with users lets in the user of the address with the password that stands beside it, and one in the address counts for more', async () => {
    const server = (await startRedis({ args: ['--user', 'app', 'on', '>secret', '~*', '&*', '+@all'] })) as OwnServer;
    const as = (credentials: string) => server.url.replace('//', `//${credentials}@`);
    const [beside, within, wrong] = await Promise.all([
      connected(as('app'), 'secret'),
      connected(as('app:secret'), 'another'),
      connected(as('app:another'), 'secret'),
    ]);
    expect([beside.user, within.user, wrong.user]).toEqual(['app', 'app', undefined]);
    expect(wrong.lines).toEqual([
      expect.stringMatching(/^Redis cannot be reached: \S+ does not take the user or the password \(REDIS_URL\): /),
    ]);
    await Promise.all([beside, within, wrong].map(({ redis }) => redis.close()));
    await server.stop();
  });

  it('that lacks the database of the address is not reached, and says so once, however often it is tried', async () => {
    const server = (await startRedis()) as OwnServer;
    const [other, { redis, lines }] = await Promise.all([connected(server.url), connected(server.url.replace(/0$/, '99'))]);
    await until('it has been tried again', async () => {
      const stats = await other.redis.call((client) => client.info('stats'), 2_000);
      return Number(/total_connections_received:(\d+)/.exec(stats ?? '')?.[1]) > 8;
    });
    expect(redis.available()).toBe(false);
    expect(lines).toEqual([expect.stringContaining('has no database of the number 99 (REDIS_URL): ')]);
    await Promise.all([redis.close(), other.redis.close()]);
    await server.stop();
  });
});

const withoutNats = findNats() === undefined ? ' [needs nats-server: install it]' : '';
describe.skipIf(findNats() === undefined)(`NATS at several addresses${withoutNats}`, () => {
  it('is reached at whichever answers, with the credentials of the address', async () => {
    const server = (await startNats({ args: ['--user', 'app', '--pass', 'p,w'] })) as OwnServer;
    const away = await freePort();
    const lists = [
      `nats://app:p,w@127.0.0.1:${away},127.0.0.1:${server.port}`,
      `nats://app:p%2Cw@127.0.0.1:${away},nats://127.0.0.1:${server.port}`,
    ];
    for (const url of lists) {
      const nats = openNats(url, told().log);
      await until('it is reached', () => nats.connection() !== null);
      await nats.close();
    }
    await server.stop();
  });
});
