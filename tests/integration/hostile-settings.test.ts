import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openRig } from '../fixtures/application-rig.ts';
import { hostilePostgres, type Store } from '../fixtures/database-kinds.ts';
import { created } from '../fixtures/http.ts';
import { type Service, startService } from '../fixtures/http-service.ts';
import { creation } from '../fixtures/people.ts';
import { openRelayRig } from '../fixtures/relay-rig.ts';
import { until } from '../fixtures/until.ts';

const { name, available, make } = hostilePostgres();
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe.skipIf(!available)(`on ${name}`, () => {
  let place: Store;
  let service: Service;
  let user: any;

  beforeAll(async () => {
    place = await make();
    service = await startService(place.url);
    user = await created(service, { username: { first_name: 'Zoë' }, bio: 'ȼ “quoted” \\ ☃' });
  });
  afterAll(async () => {
    await service?.stop();
    await place?.drop();
  });
  const get = async (path: string): Promise<any> => (await service.request('GET', path)).body;

  it('a user is read as created, and its history has times', async () => {
    const at = `/api/users/${user.user_id}`;
    expect(await get(at)).toEqual(user);
    await service.request('PATCH', `${at}/bio`, { new_bio: 'Another.' });
    const { items } = await get(`${at}/events`);
    expect(items.map(({ version, time }: any) => [version, TIME.test(time)])).toEqual([
      [1, true],
      [2, true],
    ]);
  });

  it('a task has the times of its life', async () => {
    const { body } = await service.request(
      'PATCH',
      `/api/users/${user.user_id}/bio`,
      { new_bio: 'By a task.' },
      { prefer: 'respond-async' },
    );
    const task = await until('the task has ended', async () => {
      const found = await get(`/api/users/tasks/${body.task_id}`);
      return found.status === 'succeeded' && found;
    });
    for (const field of ['created_at', 'started_at', 'finished_at']) expect(task[field], field).toMatch(TIME);
    expect(task.started_at >= task.created_at).toBe(true);
  });

  it('lists and the search find whom they should', async () => {
    expect((await get(`/api/users?created_after=2000-01-01T00:00:00Z`)).items).toHaveLength(1);
    await until('the name is found', async () => (await get('/api/users?q=zoë')).items.length === 1);
    await service.request('POST', `/api/users/${user.user_id}/profile-views`, { viewer_id: user.user_id });
    expect((await get(`/api/users/${user.user_id}/profile-views`)).items).toEqual([]);
  });

  it.skipIf(inject('natsUrl') === null)(
    'events reach NATS with their times [needs NATS: set TEST_NATS_URL or install nats-server]',
    async () => {
      const rig = await openRelayRig(await make(), inject('natsUrl') as string);
      try {
        await rig.write(2);
        rig.startRelay();
        await rig.thenStreamIsLog();
        const [logged, published] = [await rig.log(), await rig.messages()];
        expect(published.map(({ body }) => body.time)).toEqual(logged.map(({ at }) => at));
      } finally {
        await rig.close();
      }
    },
  );

  it('a session has the settings of the service, and durability only where it is more', async () => {
    const rig = await openRig(place.url);
    const of = ['DateStyle', 'TimeZone', 'default_transaction_isolation', 'statement_timeout', 'synchronous_commit'];
    const [row] = await rig.database.query<object>(
      `select current_schema() as schema, array_agg(current_setting(name) order by place) as settings
       from unnest($1::text[]) with ordinality as s (name, place)`,
      [of],
    );
    expect(row).toEqual({ schema: 'public', settings: ['ISO, MDY', 'UTC', 'read committed', '4s', 'local'] });
    await rig.close();
  });

  it('the tables stay found where others of their names come first', async () => {
    const store = await make();
    const rig = await openRig(store.url);
    const person = creation();
    await rig.execute(person);
    await store.run(
      'create schema first',
      'create table first.users (x integer)',
      `alter role ${store.name} set search_path = first, public`,
    );
    const later = await openRig(store.url);
    expect(await later.users.find(person.user_id)).toMatchObject({ version: 1 });
    await Promise.all([rig.close(), later.close()]);
    await store.drop();
  });
});
