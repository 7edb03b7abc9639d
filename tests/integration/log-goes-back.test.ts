import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { canFailOver, type Failover, needsFailover, sqlOn, startFailover } from '../fixtures/failover.ts';
import { created } from '../fixtures/http.ts';
import { type Service, startService } from '../fixtures/http-service.ts';
import { liveUrl, subscribeLive } from '../fixtures/live-client.ts';
import { findPostgres, findRedis, type OwnServer, startRedis } from '../fixtures/own-servers.ts';
import { startProxy } from '../fixtures/tcp-proxy.ts';
import { until } from '../fixtures/until.ts';

/** What was lost is shown by nobody a second after the log that is there has answered. */
const SOON_MS = 1_000;
const BEGIN_AGAIN = 4409;
const GONE_BACK = /the log has gone back|are no longer in the database/;

const runs = canFailOver && findRedis() !== undefined;

/** Two processes on one Redis, each with a way of its own to whichever server is the primary, and what their clients remember. */
const openWorld = async () => {
  const servers: Failover = await startFailover();
  const redis = (await startRedis()) as OwnServer;
  const other = await startProxy(servers.primary.url);
  const services = await Promise.all([servers.front, other].map(({ url }) => startService(url, { env: { REDIS_URL: redis.url } })));
  const [a, b] = services as [Service, Service];
  const urls = await Promise.all([liveUrl(a), liveUrl(b)]);
  const users = await Promise.all(Array.from({ length: 10 }, () => created(a)));
  const ids: string[] = users.map(({ user_id }) => user_id);
  const pathOf = (id: string): string => `/api/users/${id}`;

  const get = (service: Service, id: string, fresh = false) =>
    service.request('GET', pathOf(id), undefined, fresh ? { 'cache-control': 'no-cache' } : {});
  const change = async (service: Service, id: string, bio: string): Promise<number> => {
    const { status, body, text } = await service.request('PATCH', `${pathOf(id)}/bio`, { new_bio: bio });
    expect(status, text).toBe(200);
    return body.version;
  };
  /** Every user is in the memory of both processes, and in Redis. */
  const readAll = async (): Promise<void> => {
    for (const service of services) for (const id of ids) expect((await get(service, id)).status).toBe(200);
  };

  /** Whether every way to read says what the log that is there says. */
  const saysTheLog = async (service: Service, server: OwnServer): Promise<boolean> => {
    const rows = await sqlOn<{ user_id: string; version: number; bio: string | null }>(
      server,
      `select user_id, version, state->>'bio' as bio from users`,
    );
    const wanted = new Map(rows.map(({ user_id, version, bio }) => [user_id, `${version} ${bio}`]));
    const list = (await service.request('GET', '/api/users?limit=200')).body.items;
    if (list.length !== rows.length) return false;
    for (const id of ids) {
      const answers = [await get(service, id), await get(service, id, true)];
      const said = [...answers.map(({ body }) => body), list.find((one: { user_id: string }) => one.user_id === id)];
      const right = wanted.get(id);
      if (right === undefined && !answers.every(({ status }) => status === 404)) return false;
      if (right !== undefined && !said.every((user) => user && `${user.version} ${user.bio}` === right)) return false;
      const last = (await service.request('GET', `${pathOf(id)}/events?limit=200`)).body.items?.at(-1)?.version;
      if (right !== undefined && last !== Number(right.split(' ')[0])) return false;
    }
    return true;
  };
  const linesOf = (service: Service): string[] => service.logs.filter((line) => GONE_BACK.test(line));
  const changesOf = async (service: Service): Promise<number> =>
    Number(/^lumin_log_changes_total (\d+)/m.exec(await service.app.metrics())?.[1] ?? 0);

  return {
    ...{ servers, other, a, b, services, urls, ids, get, change, readAll, saysTheLog, linesOf, changesOf },
    /** Both ways lead to the standby, which is the primary now. */
    failOver: async (): Promise<void> => {
      await servers.failOver();
      other.lead(servers.standby.url);
      other.cutAll();
    },
    close: async (): Promise<void> => {
      for (const service of services) await service.stop();
      await other.close();
      await redis.stop();
      await servers.stop();
    },
  };
};

describe.skipIf(!runs)(`a log that goes back under two processes${needsFailover || (runs ? '' : ' [needs redis-server]')}`, () => {
  let world: Awaited<ReturnType<typeof openWorld>>;
  afterEach(() => world?.close());

  it('by a standby that lacks the last ten changes: a second later nobody shows them, and no version has two contents', async () => {
    world = await openWorld();
    const { servers, a, b, ids, change, get, readAll, saysTheLog, linesOf, changesOf, failOver } = world;
    const clients = await Promise.all(world.urls.map((url) => subscribeLive(url, { after: '0' })));
    await servers.inStep();
    await readAll();
    await servers.detach();
    for (const id of ids) expect(await change(a, id, 'lost')).toBe(2);
    await until('both processes and their clients have seen it all', async () => {
      await readAll();
      const said = await Promise.all(ids.map(async (id) => (await get(b, id)).body.bio));
      return said.every((bio) => bio === 'lost') && clients.every((client) => client.events().length === 20);
    });

    await failOver();
    const [first = '', second = '', third = ''] = ids;
    // The first change gets the number that a lost one had, on a process that may not have noticed yet.
    await until('changes succeed again', async () => (await b.request('GET', '/health/ready')).status === 200);
    const again = await until('a change is made', async () => {
      const answer = await b.request('PATCH', `/api/users/${first}/bio`, { new_bio: 'kept' });
      return answer.status === 200 && answer.body;
    });
    expect(again).toMatchObject({ version: 2, bio: 'kept' });
    expect((await get(b, first)).body.bio).toBe('kept');
    await until('the other one answers', async () => (await get(a, second, true)).status === 200);
    for (const service of [a, b]) {
      await until('every read says what the log says', () => saysTheLog(service, servers.standby), SOON_MS);
    }
    expect(await change(a, second, 'kept too')).toBe(2);
    expect((await get(a, second)).body.bio).toBe('kept too');
    await until('the other one sees it', async () => (await get(b, second)).body.bio === 'kept too', SOON_MS);
    expect((await get(b, third)).body).toMatchObject({ version: 1, bio: null });

    expect(await Promise.all(clients.map(({ closed }) => closed))).toEqual([BEGIN_AGAIN, BEGIN_AGAIN]);
    for (const service of [a, b]) {
      expect(linesOf(service)).toHaveLength(1);
      const line = JSON.parse(linesOf(service)[0] as string);
      expect(line).toMatchObject({ level: 'error', head: expect.any(Number) });
      // Whichever follower notices first tells how far it had come, and that may be less than what clients have been sent.
      expect(line.seen).toBeGreaterThan(10);
      expect(line.seen).toBeLessThanOrEqual(20);
      expect(await changesOf(service)).toBe(1);
    }
    const fresh = await subscribeLive(world.urls[0] as string, { after: '0' });
    await until('who begins again has the log that is there', () => fresh.events().length >= 12);
    await fresh.close();
  });

  it('not by a standby that has everything: live clients stay, and nothing is told', async () => {
    world = await openWorld();
    const { servers, a, b, ids, change, readAll, saysTheLog, linesOf, failOver } = world;
    const client = await subscribeLive(world.urls[1] as string, { after: '0' });
    for (const id of ids) await change(a, id, 'kept');
    await readAll();
    await servers.inStep();
    await failOver();
    for (const service of [a, b]) {
      await until('it answers', async () => (await service.request('GET', '/health/ready')).status === 200);
      await until('every read says what the log says', () => saysTheLog(service, servers.standby));
    }
    await until('a change is made', async () => (await a.request('PATCH', `/api/users/${ids[0]}/bio`, { new_bio: 'new' })).status === 200);
    await until('the client is sent it', () => client.events().length === 21);
    expect([...linesOf(a), ...linesOf(b)]).toEqual([]);
    await client.close();
  });

  it('while one of them is behind and has not seen what is lost', async () => {
    world = await openWorld();
    const { servers, other, a, b, ids, change, get, readAll, saysTheLog, linesOf, failOver } = world;
    await servers.inStep();
    await readAll();
    await other.set('blackhole');
    await servers.detach();
    for (const id of ids) await change(a, id, 'lost');
    await failOver();
    await until(
      'changes succeed again',
      async () => (await a.request('PATCH', `/api/users/${ids[0]}/bio`, { new_bio: 'kept' })).status === 200,
    );
    await other.set('pass');
    other.cutAll();
    await until('it answers', async () => (await get(b, ids[1] as string, true)).status === 200);
    for (const service of [a, b]) {
      await until('every read says what the log says', () => saysTheLog(service, servers.standby), SOON_MS);
    }
    expect(linesOf(b)).toEqual([]);
  });

  it.skipIf(findPostgres('pg_dump') === undefined)('by a dump that is restored under them', async () => {
    world = await openWorld();
    const { servers, a, b, ids, change, get, readAll, saysTheLog, linesOf } = world;
    const client = await subscribeLive(world.urls[0] as string, { after: '0' });
    const tool = (name: string): string => join(findPostgres('pg_dump') as string, name);
    const dump = execFileSync(tool('pg_dump'), ['--clean', '--if-exists', servers.primary.url]);
    for (const id of ids) for (const bio of ['lost', 'lost again']) await change(b, id, bio);
    const late = await created(a);
    await until('all is seen', async () => {
      await readAll();
      return client.events().length === 31 && (await get(b, late.user_id)).status === 200;
    });
    execFileSync(tool('psql'), ['-Xq1', '-v', 'ON_ERROR_STOP=1', servers.primary.url], {
      input: dump,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    for (const service of [a, b]) {
      await until('every read says what the log says', () => saysTheLog(service, servers.primary), SOON_MS);
      expect((await get(service, late.user_id)).status).toBe(404);
      expect(linesOf(service)).toHaveLength(1);
    }
    expect(await client.closed).toBe(BEGIN_AGAIN);
    expect(await change(a, ids[0] as string, 'kept')).toBe(2);
    await until('the other one sees it', async () => (await get(b, ids[0] as string)).body.bio === 'kept', SOON_MS);
    expect((await get(a, ids[0] as string)).headers.etag).toBe('"2"');
  });
});
