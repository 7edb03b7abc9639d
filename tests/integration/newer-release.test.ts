import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { rebuild } from '../../src/infrastructure/persistence/read-model/rebuild.ts';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { anyStore, type Store } from '../fixtures/database-kinds.ts';
import { aUser, created, expectProblem } from '../fixtures/http.ts';
import { type Service, startService } from '../fixtures/http-service.ts';
import { liveUrl, subscribeLive } from '../fixtures/live-client.ts';
import { openRelayRig } from '../fixtures/relay-rig.ts';
import { until } from '../fixtures/until.ts';

/** What a release that knows more writes: an event, and the row that it folds, which only that release trusts. */
const writtenByNewer = ({ database }: Pick<Rig, 'database'>, user_id: string, event: { type?: string; schema?: number } = {}) =>
  database.query(
    `with head as (update log_head set position = position + 1 returning position),
     row as (update users set version = version + 1, fold = 1000, state = '{"shape":"of another kind"}' where user_id = $1::uuid returning version)
     insert into events select head.position, 'user-' || $1, row.version, $2, $3, '{"changed":["nickname"],"rank":7}',
       '\\x00'::bytea || convert_to('{"nickname":"Bob"}', 'UTF8'), gen_random_uuid(), null, null, now() from head, row`,
    [user_id, event.type ?? 'UserNicknamed', event.schema ?? 1],
  );

describe('beside a newer release, which writes events that this one does not know', () => {
  let place: Store;
  let service: Service;
  let rig: Rig;
  beforeAll(async () => {
    place = await anyStore();
    service = await startService(place.url);
    rig = await openRig(place.url);
  });
  afterAll(async () => {
    await rig?.close();
    await service?.stop();
    await place?.drop();
  });
  const fresh = { 'cache-control': 'no-cache' };
  const get = (user_id: string) => service.request('GET', `/api/users/${user_id}`, undefined, fresh);

  it.each([{ type: 'UserNicknamed' }, { type: 'UserUsernameChanged', schema: 2 }])(
    'only the user that has one is answered 503, to be tried elsewhere: %o',
    async (event) => {
      const [theirs, ours] = [await created(service), await created(service)];
      await writtenByNewer(rig, theirs.user_id, event);
      const [unreadable, readable] = await Promise.all([get(theirs.user_id), get(ours.user_id)]);
      expectProblem(unreadable, 503, 'stream-unreadable');
      expect(unreadable.headers['retry-after']).toBe('1');
      expect(readable.status).toBe(200);

      const [refused, changed] = await Promise.all(
        [theirs, ours].map(({ user_id }) => service.request('PATCH', `/api/users/${user_id}/username`, { first_name: 'Jane' })),
      );
      expectProblem(refused as never, 503, 'stream-unreadable');
      expect(changed?.status).toBe(200);
      // Until then the history has an event that the document of this release cannot know.
      const history = () => service.server.inject(`/api/users/${theirs.user_id}/events`);
      await until('the cache has heard of it', async () => (await history()).statusCode === 503);
      expectProblem(await service.request('GET', `/api/users/${theirs.user_id}/events`), 503, 'stream-unreadable');
    },
  );

  it('a list goes on without that user, to its end', async () => {
    const users: { user_id: string }[] = [];
    for (let count = 0; count < 5; count++) users.push(await created(service, { username: { first_name: 'Listed' } }));
    await writtenByNewer(rig, users[2]?.user_id ?? '');
    const found: string[] = [];
    for (let url: string | null = '/api/users/?sort=created_at&limit=2'; url; ) {
      const { status, body } = await service.request('GET', url);
      expect(status).toBe(200);
      found.push(...body.items.map(({ user_id }: { user_id: string }) => user_id));
      url = body.next_cursor && `/api/users/?sort=created_at&limit=2&cursor=${body.next_cursor}`;
    }
    expect(found.filter((id) => users.some(({ user_id }) => user_id === id))).toEqual(
      users.filter((_, index) => index !== 2).map(({ user_id }) => user_id),
    );
  });

  it('the live feed sends the event as it is, and search and creation go on', async () => {
    const client = await subscribeLive(await liveUrl(service));
    const theirs = await created(service);
    await writtenByNewer(rig, theirs.user_id);
    const name = `Zoe${Date.now()}`;
    expect((await service.request('POST', '/api/users/', aUser({ username: { first_name: name } }))).status).toBe(201);
    await until('it arrives', () => client.events().some(({ subject, version }) => subject === theirs.user_id && version === 2));
    expect(client.events().find(({ subject, version }) => subject === theirs.user_id && version === 2)).toMatchObject({
      type: 'lumin.users.UserNicknamed.v1',
      data: { changed: ['nickname'], rank: 7 },
    });
    await until('the next one is found', async () => (await service.request('GET', `/api/users/?q=${name}`)).body.items.length === 1);
    await client.close();
    expect(service.logs.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
  });

  it('verify names the user, and rebuild leaves the row of the newer release alone', async () => {
    const theirs = await created(service);
    await writtenByNewer(rig, theirs.user_id);
    const reported = async () => (await rig.verify()).violations.filter(({ user_id }) => user_id === theirs.user_id);
    const expected = [
      { invariant: 'read-model', user_id: theirs.user_id, reason: 'version 2 is UserNicknamed, which this release does not know' },
    ];
    expect(await reported()).toEqual(expected);
    await rebuild(rig.database, rig.store, () => {});
    expect(await reported()).toEqual(expected);
    expect(await rig.database.query('select fold, state from users where user_id = $1', [theirs.user_id])).toEqual([
      { fold: 1000, state: { shape: 'of another kind' } },
    ]);
  });
});

describe.skipIf(inject('natsUrl') === null)('the relay of an older release [needs NATS: set TEST_NATS_URL or install nats-server]', () => {
  let rig: Awaited<ReturnType<typeof openRelayRig>>;
  afterEach(() => rig?.close());

  it('publishes what it does not know, in its place', async () => {
    rig = await openRelayRig(await anyStore(), inject('natsUrl') as string);
    const [userId = ''] = await rig.write(1);
    await writtenByNewer(rig, userId);
    await rig.write(1);
    rig.startRelay();
    await rig.thenStreamIsLog();
    const { subject, body } = (await rig.messages())[2] ?? {};
    expect(subject).toBe(`${rig.unique}.users.${userId}.UserNicknamed`);
    expect(body).toMatchObject({ type: 'lumin.users.UserNicknamed.v1', data: { changed: ['nickname'], rank: 7 } });
  });
});
