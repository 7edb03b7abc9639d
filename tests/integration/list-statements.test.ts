import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type ListRequest, listUsers } from '../../src/application/queries/list-users.ts';
import { StoreFailure } from '../../src/infrastructure/persistence/database/database.ts';
import { userList } from '../../src/infrastructure/persistence/repositories/user-list.ts';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { anyStore, type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { expectProblem } from '../fixtures/http.ts';
import { startService } from '../fixtures/http-service.ts';
import { creation } from '../fixtures/people.ts';
import { until } from '../fixtures/until.ts';

const everything: ListRequest = { sort: '-created_at', limit: 10, from: null };

describe('a page of users', () => {
  let place: Store;
  let rig: Rig;
  beforeAll(async () => {
    place = await anyStore();
    rig = await openRig(place.url);
    for (let i = 0; i < 15; i++) await rig.execute(creation());
  });
  afterAll(async () => {
    await rig?.close();
    await place?.drop();
  });

  it.each<Partial<ListRequest>>([
    {},
    { from: 9, sort: 'created_at' },
    { email: 'a@example.com' },
    { q: 'ann', status: 'active' },
    { q: 'ann of the green gables' },
    { q: '019abcde' },
    { q: '+1202', created_after: new Date(), phone: '+12025551000', email: 'a@example.com', status: 'deleted', from: 5 },
  ])('with %j is one statement, without OFFSET and COUNT', async (filters) => {
    const statements: string[] = [];
    rig.inject((sql) => statements.push(sql));
    await listUsers(userList(rig.store))({ ...everything, ...filters });
    rig.inject(() => {});
    expect(statements.length).toBe(1);
    expect(statements[0]).not.toMatch(/offset|count\s*\(|like/i);
  });

  it.each([
    ['57014', 'store-busy'],
    ['55P03', 'store-busy'],
    ['53200', 'store-unavailable'],
  ])('that the database stops with %s is refused with %s', async (sqlstate, code) => {
    rig.inject(() => {
      throw new StoreFailure('rolled-back', sqlstate);
    });
    await expect(listUsers(userList(rig.store))({ ...everything, q: 'ann' })).rejects.toMatchObject({ code });
    rig.inject(() => {});
  });
});

it.skipIf(inject('postgresUrl') === null)(
  'a search that runs into the time limit of PostgreSQL is not the client’s fault [needs PostgreSQL]',
  async () => {
    const place = (await storeKinds().at(-1)?.make()) as Store;
    const service = await startService(place.url);
    const other = new pg.Client({ connectionString: place.url });
    await other.connect();
    try {
      await other.query('begin; lock table user_words');
      const answer = await service.request('GET', '/api/users?q=ann');
      expectProblem(answer, 503, 'store-busy');
      expect(answer.headers['retry-after']).toBe('1');
      await other.query('rollback');
      expect((await service.request('GET', '/api/users?q=ann')).status).toBe(200);
    } finally {
      await other.end();
      await service.stop();
      await place.drop();
    }
  },
);

it.skipIf(inject('postgresUrl') === null)(
  'searches that hang leave connections to changes, and beyond a short queue they are refused [needs PostgreSQL]',
  async () => {
    const place = (await storeKinds().at(-1)?.make()) as Store;
    const service = await startService(place.url, { env: { DATABASE_POOL_SIZE: '4', DATABASE_MAX_OVERFLOW: '4' } });
    const other = new pg.Client({ connectionString: place.url });
    await other.connect();
    await other.query('begin; lock table user_words');
    let ended = 0;
    const searches = Array.from({ length: 300 }, () => service.request('GET', '/api/users?q=ann').finally(() => ended++));
    await until('the first ones are refused', () => ended > 0);
    const creations = Array.from({ length: 20 }, (_, n) =>
      service.request('POST', '/api/users', { username: { first_name: 'Ann' }, email: `a${n}@example.com` }),
    );
    for (const { status } of await Promise.all(creations)) expect(status).toBe(201);
    // No search has been answered meanwhile, and a user who is asked for by a key waits for none.
    expect((await service.request('GET', '/api/users?email=a1@example.com')).body.items.length).toBe(1);
    await other.query('rollback');
    const statuses = new Set((await Promise.all(searches)).map(({ status }) => status));
    expect(statuses).toContain(503);
    for (const status of statuses) expect([200, 503]).toContain(status);
    await until('search is served again', async () => (await service.request('GET', '/api/users?q=ann')).status === 200);
    await other.end();
    await service.stop();
    await place.drop();
  },
);
