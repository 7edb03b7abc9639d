import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UserId } from '../../src/domain/value-objects/user-id.ts';
import { profileViewRepository } from '../../src/infrastructure/persistence/repositories/profile-view-repository.ts';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { creation, newId, rename, request } from '../fixtures/people.ts';

const VIEWERS = 50;
const HOURS = 4;
const MANY = 5_000;
const AT_ONCE = 1_000;

describe.each(storeKinds())('many views of one profile on $name', ({ name, available, make }) => {
  let place: Store;
  /** Two applications, where the database lets two in. */
  let rigs: Rig[] = [];
  let clock = new Date('2026-11-24T10:00:00.000Z');
  beforeAll(async () => {
    if (!available) return;
    place = await make();
    const count = name === 'PostgreSQL' ? 2 : 1;
    for (let i = 0; i < count; i++) rigs.push(await openRig(place.url, { now: () => clock }));
  });
  afterAll(async () => {
    for (const rig of rigs) await rig.close();
    await place?.drop();
  });

  const rig = (i: number): Rig => rigs[i % rigs.length] as Rig;
  const person = async (): Promise<UserId> => {
    const one = creation();
    await rig(0).execute(one);
    return one.user_id;
  };
  const view = (i: number, user: UserId, viewer_id: UserId) => rig(i).execute(request('record_profile_view', user, { viewer_id }));

  it.skipIf(!available)(`are counted exactly: ${VIEWERS} viewers at once, each three times an hour, while the user is edited`, async () => {
    const [user, other] = [await person(), await person()];
    const viewers = Array.from({ length: VIEWERS }, newId);
    for (let hour = 0; hour < HOURS; hour++) {
      clock = new Date(Date.UTC(2026, 10, 24, 10 + hour));
      const sent = [0, 1, 2].flatMap((time) => viewers.map((viewer, i) => view(time + i, user, viewer)));
      const others = viewers.slice(0, 10).map((viewer, i) => view(i, other, viewer));
      const counts = (await Promise.all(sent)).map((answer) => ('view_count' in answer ? answer.view_count : 0));
      await Promise.all([...others, rig(hour).execute(rename(user, `Name${hour}`))]);
      expect(Math.max(...counts)).toBe((hour + 1) * VIEWERS);
      expect(new Set(counts).size).toBe(VIEWERS);
    }
    const views = profileViewRepository(rig(0).database);
    expect(await views.count(user)).toBe(VIEWERS * HOURS);
    expect(await views.count(other)).toBe(10 * HOURS);
    const { viewers: recent } = await views.recent(user, null, 200);
    expect(new Set(recent.map(({ viewer_id }) => viewer_id))).toEqual(new Set(viewers));
    expect((await rig(1).users.find(user, { fresh: true }))?.version).toBe(1 + HOURS);
    expect(await rig(0).verify()).toMatchObject({ violations: [] });
  });

  /** What the tables were asked for so far: rows read one way or another, and rows written. */
  const touched = async () => {
    await rig(0).database.query('select pg_stat_force_next_flush()');
    const rows = await rig(0).database.query<{ relname: string; read: number; written: number }>(
      `select relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) as read, n_tup_ins + n_tup_upd + n_tup_del as written
       from pg_stat_user_tables where relname in ('events', 'users', 'profile_viewers', 'profile_view_counts')`,
    );
    return Object.fromEntries(rows.map(({ relname, read, written }) => [relname, { read, written }]));
  };

  it.skipIf(!available)(`${MANY} of them change nothing about an edit of that user: it reads and writes what any other does`, async () => {
    for (const one of rigs.splice(0)) await one.close();
    // One connection: what it did is counted before it is asked.
    rigs = [await openRig(place.url, { now: () => clock, connections: 1 })];
    const [seen, unseen] = [await person(), await person()];
    for (let done = 0; done < MANY; done += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, () => view(0, seen, newId())));
    expect(await profileViewRepository(rig(0).database).count(seen)).toBe(MANY);

    const costOf = async (user: UserId) => {
      const before = await touched();
      for (let i = 0; i < 5; i++) await rig(0).execute(rename(user, `Name${i}`));
      const after = await touched();
      return Object.keys(after).map((table) => [
        table,
        (after[table]?.read ?? 0) - (before[table]?.read ?? 0),
        (after[table]?.written ?? 0) - (before[table]?.written ?? 0),
      ]);
    };
    const cost = await costOf(seen);
    expect(cost).toEqual(await costOf(unseen));
    expect(cost).toEqual(
      expect.arrayContaining([
        ['profile_viewers', 0, 0],
        ['profile_view_counts', 0, 0],
        ['events', 0, 5],
      ]),
    );

    // And one page of viewers reads one page.
    const before = await touched();
    expect((await profileViewRepository(rig(0).database).recent(seen, null, 51)).viewers.length).toBe(51);
    expect(((await touched()).profile_viewers?.read ?? 0) - (before.profile_viewers?.read ?? 0)).toBeLessThan(100);
  });
});
