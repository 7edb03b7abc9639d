import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listUsers } from '../../src/application/queries/list-users.ts';
import { nameTerms, termsOf } from '../../src/domain/search/search-terms.ts';
import { wordsOf } from '../../src/domain/search/words.ts';
import { UserId } from '../../src/domain/value-objects/user-id.ts';
import { searchIndex } from '../../src/infrastructure/persistence/read-model/search-index.ts';
import { userList } from '../../src/infrastructure/persistence/repositories/user-list.ts';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { anyStore, type Store } from '../fixtures/database-kinds.ts';
import { creation, rename, request } from '../fixtures/people.ts';
import { untold } from '../fixtures/told.ts';

const EVENTS = 5_000;
const idOf = (n: number): UserId => UserId(`00000000-0000-4000-8000-${String(n).padStart(12, '0')}`);

describe('a database whose names an earlier release stored', () => {
  let place: Store;
  let rig: Rig;

  /** What an earlier release does for itself: the terms of users, and the checkpoint that says so. */
  const earlierReleaseFeeds = async (...users: UserId[]): Promise<void> => {
    for (const user_id of users) {
      const { current, outdated } = termsOf(await rig.store.readStream(user_id, 0, 1_000), nameTerms);
      await rig.database.query('delete from user_search where user_id = $1 and term = any($2::text[])', [user_id, outdated]);
      await rig.database.query('insert into user_search select unnest($2::text[]), $1::uuid on conflict do nothing', [user_id, current]);
    }
    await rig.database.query(`update checkpoints set position = (select position from log_head) where name = 'search'`);
  };
  /** One page of every process. */
  const feed = (processes = 1) =>
    Promise.all(
      Array.from({ length: processes }, async () => {
        const index = searchIndex({ database: rig.database, away: { ...untold, report: (error) => expect(error).toBe(undefined) } });
        index.start();
        await index.stop();
      }),
    );
  const checkpoint = async (name: string) =>
    (await rig.database.query<{ position: number }>('select position from checkpoints where name = $1', [name]))[0]?.position;
  const found = async (q: string) => {
    const { users } = await listUsers(userList(rig.store))({ q, sort: '-created_at', limit: 10, from: null });
    return users.map(({ user_id }) => user_id);
  };

  beforeAll(async () => {
    place = await anyStore();
    rig = await openRig(place.url);
    // Users as they would come out of so many commands; the last event renames the first one, and the one before deletes the second.
    await rig.database.query(
      `with n as (select n, ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid as id,
           case n when 1 then 'Formerly' when 2 then 'Gone' else 'Andrew' || lpad(n::text, 4, '0') end as first from generate_series(1, ${EVENTS - 2}) n),
         logged as (insert into events select n, 'user-' || id, 1, 'UserCreated', 1, '{"changed":["username"],"privacy_settings":{"allow_search":true}}',
           '\\x00'::bytea || convert_to(json_build_object('username', json_build_object('first_name', first, 'last_name', 'Lloyd-Webber' || lpad(n::text, 4, '0')))::text, 'UTF8'),
           gen_random_uuid(), null, null, now() from n),
         headed as (update log_head set position = ${EVENTS - 2}),
         searched as (insert into user_search select lower(first) || ' lloyd-webber' || lpad(n::text, 4, '0'), id from n
           union all select 'lloyd-webber' || lpad(n::text, 4, '0'), id from n)
       insert into users select id, 1, 0, 'active', null, null, '{"privacy_settings":{"allow_search":true}}', n, n from n`,
    );
    await rig.execute(request('delete', idOf(2), {}));
    await rig.execute(rename(idOf(1), 'Renamed'));
    await earlierReleaseFeeds(idOf(1), idOf(2));
  });
  afterAll(async () => {
    await rig?.close();
    await place?.drop();
  });

  it('finds at every moment whom it found, soon by every word, and in the end by no name that somebody no longer has', async () => {
    for (let words = 0; ; words = (await checkpoint('words')) ?? 0) {
      for (const n of ['0003', '2500', '4998']) {
        expect(await found(`andrew${n} ll`)).toEqual([idOf(Number(n))]);
        expect(await found(`LLOYD-WEBBER${n}`)).toEqual([idOf(Number(n))]);
      }
      expect(await found('renamed')).toEqual([idOf(1)]);
      expect(await found('gone')).toEqual([]);
      // As far behind as a feed may be under load, and no further, it is looked into.
      const looked = EVENTS - words <= 4_000;
      const seen = { newly: (await found('webber0003')).length > 0, formerly: (await found('formerly')).length > 0 };
      expect([words, seen]).toEqual([words, { newly: looked, formerly: looked && words < EVENTS }]);
      if (words === EVENTS) break;
      // Two processes, of which one does the page.
      await feed(2);
      expect(await checkpoint('words')).toBeGreaterThan(words);
    }
    expect(await found('webber4998 andrew')).toEqual([idOf(EVENTS - 2)]);
    const [rows] = await rig.database.query('select count(*) as words, count(distinct user_id) as users from user_words');
    const perUser = wordsOf({ first_name: 'Andrew0003', last_name: 'Lloyd-Webber0003' }).length;
    expect(rows).toEqual({ words: perUser * (EVENTS - 3), users: EVENTS - 3 });
  });

  it('is written in the new form alone from then on', async () => {
    const { user_id } = creation();
    await rig.execute({ ...creation({ username: { first_name: 'Zoë', last_name: 'Newcomer' } }), user_id });
    await feed();
    expect(await found('newc zoe')).toEqual([user_id]);
    expect(await rig.database.query('select term from user_search where user_id = $1', [user_id])).toEqual([]);
  });

  it('beside an earlier release that goes on writing its own, finds whom either has stored', async () => {
    const theirs = creation({ username: { first_name: 'Père', last_name: 'Ubu-Roi' } });
    await rig.execute(theirs);
    await earlierReleaseFeeds(theirs.user_id);
    expect(await found('père ub')).toEqual([theirs.user_id]);
    expect(await found('webber0003')).toContain(idOf(3));

    await rig.execute(rename(theirs.user_id, 'Roi'));
    await rig.execute(rename(idOf(4), 'Other'));
    await earlierReleaseFeeds(theirs.user_id, idOf(4));
    await feed();
    expect(await found('pere')).toEqual([]);
    expect(await found('andrew0004')).toEqual([]);
    expect(await found('ubu roi')).toEqual([theirs.user_id]);
    await rig.execute(request('delete', theirs.user_id, {}));
    await feed();
    expect(await rig.database.query('select word from user_words where user_id = $1', [theirs.user_id])).toEqual([]);
  });

  it('is brought on by this release for the earlier one, where that came back for a while and is ahead', async () => {
    await earlierReleaseFeeds();
    const users = [creation({ username: { first_name: 'Uno' } }), creation({ username: { first_name: 'Due' } })] as const;
    await rig.execute(users[0]);
    await earlierReleaseFeeds(users[0].user_id);
    await rig.execute(users[1]);
    await feed();
    expect([await found('uno'), await found('due')]).toEqual(users.map(({ user_id }) => [user_id]));
    expect(await rig.database.query('select user_id from user_search where term = $1', ['due'])).toEqual([{ user_id: users[1].user_id }]);
  });
});
