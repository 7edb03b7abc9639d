import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { listUsers } from '../../src/application/queries/list-users.ts';
import { LogInvalidation } from '../../src/infrastructure/cache/log-invalidation.ts';
import { userList } from '../../src/infrastructure/persistence/repositories/user-list.ts';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { anyStore, type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { feedSearch } from '../fixtures/feed-search.ts';
import { changeEmail, creation, newEmail, rename, request } from '../fixtures/people.ts';
import { untold } from '../fixtures/told.ts';

const USERS = 4_000;
const BATCH = 128;
const TABLES = ['events', 'idempotency_keys', 'tasks', 'user_search', 'user_words', 'users'];
/** What a search takes: words, an address, a number, an id. */
const QUESTIONS = ['na', 'name1', 'name1 ann', 'person.1', '+12025551', '12025551', '019abcde', 'nobody'];

describe.each(storeKinds())('the plans of a session that began on empty tables on $name', ({ available, make }) => {
  let place: Store;
  let rig: Rig;
  beforeAll(async () => {
    if (!available) return;
    place = await make();
    // One connection: every statement uses the plans that were made first.
    rig = await openRig(place.url, { connections: 1 });
  });
  afterAll(async () => {
    await rig?.close();
    await place?.drop();
  });

  /** Rows that were read by going through a whole table, so far. */
  const rowsScanned = async (): Promise<Record<string, number>> => {
    await rig.database.query('select pg_stat_force_next_flush()');
    const rows = await rig.database.query<{ relname: string; rows: number }>(
      'select relname, seq_tup_read as rows from pg_stat_user_tables where relname = any($1) order by relname',
      [TABLES],
    );
    return Object.fromEntries(rows.map(({ relname, rows }) => [relname, rows]));
  };

  /** Every kind of command, so that every part of the append and of the loads before it is used. */
  const everything = async () => {
    const people = Array.from({ length: 20 }, () => {
      const email = newEmail();
      return creation({ email, phone: `+1202555${String(1000 + phones++)}` }, { once: { key: email, request_hash: '', status: 201 } });
    });
    await Promise.all(people.map((person) => rig.execute(person)));
    await Promise.all(people.map(({ user_id }, i) => rig.execute(rename(user_id, `Name${i}`))));
    await Promise.all(people.map(({ user_id }) => rig.accept(changeEmail(user_id, newEmail()))));
    for (const task of await rig.tasks.claim('api', 100, 15, { blockEnds: true })) await rig.runTask(task);
    for (const task of await rig.tasks.claim('worker', 100, 15)) await rig.runTask(task);
    await Promise.all(people.map(({ user_id }) => rig.users.find(user_id)));
    await Promise.all(people.map(({ user_id }) => rig.users.history(user_id, 0, 10)));
    await Promise.all(people.map(({ user_id }) => rig.users.findAt(user_id, 2)));
    await rig.store.readLog(USERS, 10);
    // They are over by the time this is called again.
    const soon = () => new Date(Date.now() + 50).toISOString();
    await Promise.all(people.map(({ user_id }) => rig.execute(request('block', user_id, { until: soon() }))));
    await feedSearch(rig.database);
    for (const q of QUESTIONS) await listUsers(userList(rig.store))({ q, sort: '-created_at', limit: 10, from: null });
  };
  let phones = 0;

  it.skipIf(!available)(`go through no table once there are ${USERS} users and as many tasks`, async () => {
    // Often enough for every statement to have the plan that it keeps.
    for (let i = 0; i < 7; i++) await everything();
    for (let i = 0; i < USERS; i += BATCH) {
      const chunk = Array.from({ length: Math.min(BATCH, USERS - i) }, (_, j) =>
        creation({}, { once: { key: `load ${i + j}`, request_hash: '', status: 201 } }),
      );
      await Promise.all(chunk.map((person) => rig.execute(person)));
    }

    await rig.database.query(
      `insert into tasks (task_id, command, user_id, status, due_at, not_before, created_at, finished_at)
       select 'task ' || n, 'change_email', gen_random_uuid(), 'succeeded', now(), now(), now(), now() from generate_series(1, ${USERS}) n`,
    );

    const before = await rowsScanned();
    await everything();
    expect(await rowsScanned()).toEqual(before);
  });
});

describe.skipIf(inject('postgresUrl') === null)('what every process asks PostgreSQL several times a second [needs PostgreSQL]', () => {
  let place: Store;
  let rig: Rig;
  beforeAll(async () => {
    place = await anyStore();
    rig = await openRig(place.url);
  });
  afterAll(async () => {
    await rig?.close();
    await place?.drop();
  });

  it('is not compiled', async () => expect(await rig.database.query('show jit')).toEqual([{ jit: 'off' }]));

  it('is planned as the small thing that it is, also where no table was analysed', async () => {
    let cost = Number.POSITIVE_INFINITY;
    const explained: Pick<Rig['database'], 'query'> = {
      query: async (text, values) => {
        const [row] = await rig.database.query<{ 'QUERY PLAN': [{ Plan: { 'Total Cost': number } }] }>(
          `explain (format json) ${text}`,
          values,
        );
        cost = row?.['QUERY PLAN'][0].Plan['Total Cost'] ?? cost;
        return rig.database.query(text, values);
      },
    };
    await new LogInvalidation({ database: explained, apply: () => {}, onOtherLog: () => {}, away: untold }).follow();
    expect(cost).toBeLessThan(1_000);
  });
});
