import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { UserId } from '../../src/domain/value-objects/user-id.ts';
import { rebuild } from '../../src/infrastructure/persistence/read-model/rebuild.ts';
import { anyCommand } from '../fixtures/any-command.ts';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { feedSearch } from '../fixtures/feed-search.ts';
import { creation, newId, rename, request } from '../fixtures/people.ts';
import { seeded } from '../fixtures/seeded.ts';

const COMMANDS = 1_500;

describe.each(storeKinds())('a rebuild on $name', ({ available, make }) => {
  const test = it.skipIf(!available);
  let place: Store;
  let rig: Rig;
  let clock = Date.UTC(2026, 10, 24);
  beforeAll(async () => {
    if (!available) return;
    place = await make();
    rig = await openRig(place.url, { now: () => new Date(clock) });
  });
  afterAll(async () => {
    await rig?.close();
    await place?.drop();
  });

  const run = (progress: [number, number][] = []) => rebuild(rig.database, rig.store, (done, total) => progress.push([done, total]));
  const plant = (sql: string, ...values: unknown[]) => rig.database.query(sql, values);
  /** Everything that is made from the log, row by row. */
  const readModel = async () => {
    const rows: object[] = [];
    for (const table of ['users', 'profile_view_counts', 'profile_viewers', 'user_words'])
      rows.push(...(await rig.database.query<{ row: object }>(`select to_jsonb(t) as row from ${table} t order by to_jsonb(t)::text`)));
    return rows;
  };
  const generation = async () =>
    (await rig.database.query<{ generation: number }>('select generation from deployment'))[0]?.generation ?? 0;

  test(`changes nothing after ${COMMANDS} random commands, and brings back every row after all of them are gone`, () =>
    seeded(async (random) => {
      const ids = Array.from({ length: 60 }, newId);
      for (let done = 0; done < COMMANDS; done += 50) {
        clock += 600_000;
        await Promise.allSettled(Array.from({ length: 50 }, () => rig.execute(anyCommand(random, ids))));
      }
      await feedSearch(rig.database);
      expect((await rig.verify()).violations).toEqual([]);
      const before = await readModel();
      const [started, progress] = [await generation(), [] as [number, number][]];
      const users = await run(progress);
      expect(await readModel()).toEqual(before);
      expect(progress.at(-1)).toEqual([users, users]);
      expect(await generation()).toBe(started + 1);

      for (const table of ['users', 'profile_view_counts', 'profile_viewers', 'user_words']) await plant(`delete from ${table}`);
      await run();
      expect(await readModel()).toEqual(before);
      expect((await rig.verify()).violations).toEqual([]);
    }));

  describe('restores', () => {
    let id: UserId;
    let other: UserId;
    let viewer: UserId;
    let before: object[];
    beforeEach(async () => {
      if (!available) return;
      const people = [creation(), creation()] as const;
      [id, other] = [people[0].user_id, people[1].user_id];
      for (const person of people) await rig.execute(person);
      await rig.execute(rename(id, 'Two'));
      viewer = newId();
      for (const viewer_id of [viewer, newId()]) await rig.execute(request('record_profile_view', id, { viewer_id }));
      await feedSearch(rig.database);
      before = await readModel();
    });

    test.each<[string, string]>([
      ['a row with another state', `update users set state = (state::jsonb || '{"bio":"planted"}')::json where user_id = $1`],
      ['a row with an old version', `update users set version = 1, state = (state::jsonb || '{"bio":"old"}')::json where user_id = $1`],
      ['a row with a version to come', 'update users set version = 9 where user_id = $1'],
      ['a row of another fold', 'update users set fold = 99 where user_id = $1'],
      ['a row with another status', `update users set status = 'deleted', email_key = null where user_id = $1`],
      ['a row in another place', 'update users set created_position = 1000000 + created_position where user_id = $1'],
      ['a row that is missing', 'delete from users where user_id = $1'],
      [
        'rows that hold keys of others',
        `with gone as (delete from users where user_id = $1 returning email_key)
         update users set email_key = (select email_key from gone) || 'x' where user_id = $2`,
      ],
      [
        'a row whose user never was',
        `insert into users (user_id, version, fold, status, state, created_position, position)
         select gen_random_uuid(), 1, fold, status, state, 2000000, 2000000 from users where user_id = $1`,
      ],
      ['a count that is wrong', 'update profile_view_counts set count = 77 where user_id = $1'],
      ['a count that is missing', 'delete from profile_view_counts where user_id = $1'],
      ['a count of who was never viewed', 'insert into profile_view_counts values ($2, 5)'],
      ['a count of who never was', 'insert into profile_view_counts values (gen_random_uuid(), 5)'],
      ['a viewer who is missing', 'delete from profile_viewers where user_id = $1 and viewer_id = $3'],
      [
        'a viewer with another view',
        `update profile_viewers set position = position + 1, source = 'x' where user_id = $1 and viewer_id = $3`,
      ],
      [
        'a viewer who never viewed',
        `insert into profile_viewers select user_id, gen_random_uuid(), hour, viewed_at, source, position from profile_viewers where user_id = $1 and viewer_id = $3`,
      ],
      ['a name that is not found', 'delete from user_words where user_id = $1'],
      ['a name that is found with words that it does not have', `update user_words set name = ' planted' where user_id = $1`],
    ])('%s', async (_, sql) => {
      // Every parameter is in every statement.
      await plant(`with given as (select $1::uuid, $2::uuid, $3::uuid) ${sql.replace(/^with /, ', ')}`, id, other, viewer);
      expect(await readModel()).not.toEqual(before);
      await run();
      expect(await readModel()).toEqual(before);
      expect((await rig.verify()).violations).toEqual([]);
    });

    test('a key that somebody on a later page holds without a right to it', async () => {
      const [first, last] = [id, other].sort() as [UserId, UserId];
      const keyOf = async (user: UserId) =>
        (await rig.database.query<{ email_key: string }>('select email_key from users where user_id = $1', [user]))[0];
      const key = (await keyOf(first))?.email_key;
      await plant('delete from users where user_id = $1', first);
      await plant('update users set email_key = $2 where user_id = $1', last, key);
      await run();
      expect(await readModel()).toEqual(before);
    });
  });

  test('serves no half state to anybody while a load runs', async () => {
    const people = Array.from({ length: 20 }, () => creation({ username: { first_name: 'v1' } }));
    await Promise.all(people.map((person) => rig.execute(person)));
    const ids = people.map(({ user_id }) => user_id);
    // Wrong where nobody writes: these come right while the others change.
    const damaged = ids.slice(0, 5);
    await plant('update users set version = 9 where user_id = any($1::uuid[])', damaged);
    await plant('delete from users where user_id = any($1::uuid[])', damaged.slice(3));

    let stop = false;
    let reads = 0;
    const writer = async (user: UserId): Promise<void> => {
      // The name is the version, so that a reader sees whether the two belong together.
      for (let version = 2; !stop; version++) {
        await rig.execute(rename(user, `v${version}`));
        clock += 60_000;
        await rig.execute(request('record_profile_view', user, { viewer_id: newId() }));
      }
    };
    const reader = async (user: UserId): Promise<void> => {
      for (let least = 1; !stop; reads++) {
        const found = await rig.users.find(user, { fresh: true });
        expect(found?.user.username?.first_name).toBe(`v${found?.version}`);
        expect(found?.version).toBeGreaterThanOrEqual(least);
        least = found?.version ?? 0;
      }
    };
    const busy = ids.slice(5, 13);
    const load = Promise.all([...busy.map(writer), ...busy.map(reader)]);
    for (let i = 0; i < 5; i++) await run();
    stop = true;
    await load;
    expect(reads).toBeGreaterThan(10);
    expect((await rig.verify()).violations).toEqual([]);
    for (const user of damaged) expect(await rig.users.find(user, { fresh: true })).toMatchObject({ version: 1 });
  });
});
