import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { StoredUser } from '../../src/domain/repositories/user-repository.ts';
import { authenticationCode } from '../../src/infrastructure/authentication-code.ts';
import { userRepository } from '../../src/infrastructure/cache/cached-user-repository.ts';
import type { LogInvalidation } from '../../src/infrastructure/cache/log-invalidation.ts';
import { multiLevelCache } from '../../src/infrastructure/cache/multi-level-cache.ts';
import { StoreFailure } from '../../src/infrastructure/persistence/database/database.ts';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { created } from '../fixtures/http.ts';
import { type Answer, type Service, startService } from '../fixtures/http-service.ts';
import { liveUrl, subscribeLive } from '../fixtures/live-client.ts';
import { creation, rename } from '../fixtures/people.ts';
import { untold } from '../fixtures/told.ts';
import { until } from '../fixtures/until.ts';

const FOLLOWS = 'cross join deployment';
/** What another process wrote must be seen within a second. */
const SOON_MS = 1_000;

const versionIn = ({ headers }: Answer): number => JSON.parse(JSON.parse(String(headers.etag)));

describe.skipIf(inject('postgresUrl') === null)('the cache of one of two processes [needs PostgreSQL]', () => {
  let place: Store;
  let services: Service[] = [];
  const feeds = new Map<Service, string>();
  const at = (i: number): Service => services[i % services.length] as Service;
  beforeAll(async () => {
    place = (await storeKinds().at(-1)?.make()) as Store;
    services = await Promise.all([startService(place.url), startService(place.url)]);
    for (const service of services) feeds.set(service, await liveUrl(service));
  });
  afterAll(async () => {
    for (const service of services) await service.stop();
    await place?.drop();
  });

  it("shows one's own write at once and that of the other within a second, and never goes back", async () => {
    const url = `/api/users/${(await created(at(0))).user_id}`;
    const seen = [0, 0];
    const read = async (i: number): Promise<number> => {
      const { headers, body } = await at(i).request('GET', url);
      expect(headers.etag).toBe(`"${body.version}"`);
      expect(body.version).toBeGreaterThanOrEqual(seen[i] ?? 0);
      seen[i] = body.version;
      return body.version;
    };
    await Promise.all([read(0), read(1)]);
    for (let version = 2; version < 8; version++) {
      await at(version).request('PATCH', `${url}/bio`, { new_bio: `${version}` });
      expect(await read(version % 2)).toBe(version);
      await until('the other one sees it', async () => (await read((version + 1) % 2)) === version, SOON_MS);
    }
  });

  it('is passed by with Cache-Control: no-cache', async () => {
    const url = `/api/users/${(await created(at(0))).user_id}`;
    for (let version = 2; version < 8; version++) {
      await at(0).request('GET', url);
      await at(1).request('PATCH', `${url}/bio`, { new_bio: `${version}` });
      const { body } = await at(0).request('GET', url, undefined, { 'cache-control': 'no-cache' });
      expect(body.version).toBe(version);
    }
  });

  it('gives the whole user after waiting for a task, whoever ran it', async () => {
    for (let i = 0; i < 6; i++) {
      const { user_id } = await created(at(i));
      const change = { new_email: `${user_id}@example.com` };
      const { status, body } = await at(i).request('PATCH', `/api/users/${user_id}/email`, change, { prefer: 'wait=5' });
      expect([status, body.version, body.email]).toEqual([200, 2, change.new_email]);
    }
  });

  /** Ways to be told of a version that the other process has written; each gives that version. */
  const ways: Record<string, (mine: Service, url: string) => Promise<number>> = {
    'an answer that nothing had to change': async (mine, url) =>
      versionIn(await mine.request('PATCH', `${url}/bio`, { new_bio: 'by the other' })),
    'a refusal that names the version': async (mine, url) =>
      versionIn(await mine.request('PATCH', `${url}/bio`, { new_bio: 'mine' }, { 'if-match': '"1"' })),
    'a list': async (mine) => (await mine.request('GET', '/api/users?limit=1')).body.items[0].version,
    'the history': async (mine, url) => (await mine.request('GET', `${url}/events`)).body.items.at(-1).version,
    'the live feed': async (mine, url) => {
      const user_id = url.split('/').at(-1) as string;
      const feed = await subscribeLive(feeds.get(mine) as string, { user_id, after: '0' });
      const { version } = await until('the change is told', () => feed.events().find((event) => event.version > 1));
      await feed.close();
      return version;
    },
  };

  it.each(Object.entries(ways))('is never behind what its client was told by %s', async (_, tell) => {
    for (let round = 0; round < 10; round++) {
      const [mine, other] = [at(round), at(round + 1)];
      const url = `/api/users/${(await created(mine)).user_id}`;
      await mine.request('GET', url);
      expect((await other.request('PATCH', `${url}/bio`, { new_bio: 'by the other' })).body.version).toBe(2);
      const told = await tell(mine, url);
      expect(told).toBe(2);
      expect((await mine.request('GET', url)).body.version).toBeGreaterThanOrEqual(told);
    }
  });

  it('is never behind a task that its client has seen succeed, whoever ran it', async () => {
    for (let round = 0; round < 10; round++) {
      const [mine, other] = [at(round), at(round + 1)];
      const url = `/api/users/${(await created(mine)).user_id}`;
      await mine.request('GET', url);
      const { body } = await other.request('PATCH', `${url}/email`, { new_email: `${round}.${Date.now()}@example.com` });
      const done = async () => (await mine.request('GET', `/api/users/tasks/${body.task_id}`)).body.result?.version;
      const told = await until('the task has succeeded', done);
      expect((await mine.request('GET', url)).body.version).toBeGreaterThanOrEqual(told);
    }
  });

  describe('in its parts', () => {
    let rig: Rig;
    let other: Rig;
    let statements: string[] = [];
    let away = false;
    let invalidation: LogInvalidation;
    let stopCache = async (): Promise<void> => {};
    let find: (userId: StoredUser['user_id']) => Promise<StoredUser | null>;
    beforeAll(async () => {
      [rig, other] = [await openRig(place.url), await openRig(place.url)];
      rig.inject((sql) => {
        if (away && sql.includes(FOLLOWS)) throw new StoreFailure('unsent');
        if (!sql.includes(FOLLOWS)) statements.push(sql);
      });
      const { cache, log, start, stop } = multiLevelCache({
        database: rig.database,
        loadMany: (userIds) => rig.store.load(userIds),
        redis: null,
        deployment: () => 'test',
        code: authenticationCode(() => 'test', 'test'),
        away: untold,
      });
      invalidation = log as LogInvalidation;
      stopCache = stop;
      find = userRepository(rig.store, rig.unitOfWork, cache).find;
      start();
      await until('the log is followed', invalidation.trusted);
    });
    afterAll(async () => {
      await stopCache();
      await rig?.close();
      await other?.close();
    });

    const person = async () => {
      const one = creation();
      await other.execute(one);
      return one.user_id;
    };

    it('answers without a statement once it has loaded a user', async () => {
      const id = await person();
      const first = await find(id);
      statements = [];
      for (let i = 0; i < 100; i++) expect(await find(id)).toBe(first);
      expect(statements).toEqual([]);
    });

    it('answers nothing by itself while the log cannot be followed, and does again after', async () => {
      const id = await person();
      await find(id);
      away = true;
      await until('it is not trusted any more', () => !invalidation.trusted());
      await other.execute(rename(id, 'Unseen'));
      statements = [];
      expect(await find(id)).toMatchObject({ version: 2 });
      expect(await find(id)).toMatchObject({ version: 2 });
      expect(statements.length).toBe(2);
      await other.execute(rename(id, 'Unheard of'));
      away = false;
      await until('it is trusted again', invalidation.trusted);
      expect(await find(id)).toMatchObject({ version: 3 });
    });

    it('drops everything when a rebuild raises the generation', async () => {
      const [id, kept] = [await person(), await person()];
      await Promise.all([find(id), find(kept)]);
      // As a rebuild does: rows differ without an event that says so.
      await other.database.query(`update users set state = (state::jsonb || '{"bio":"rebuilt"}')::json where user_id = $1`, [id]);
      expect((await find(id))?.user.bio).toBeNull();
      await other.database.query('update deployment set generation = generation + 1');
      await until('the new row is seen', async () => (await find(id))?.user.bio === 'rebuilt', SOON_MS);
      statements = [];
      await find(kept);
      expect(statements.length).toBe(1);
    });
  });
});
