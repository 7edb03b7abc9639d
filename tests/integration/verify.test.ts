import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { UserId } from '../../src/domain/value-objects/user-id.ts';
import { anyCommand } from '../fixtures/any-command.ts';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { creation, newId, rename, request } from '../fixtures/people.ts';
import { seeded } from '../fixtures/seeded.ts';
import { until } from '../fixtures/until.ts';

const COMMANDS = 1_000;

describe.each(storeKinds())('lumin verify on $name', ({ available, make }) => {
  let place: Store;
  let rig: Rig;
  beforeAll(async () => {
    if (!available) return;
    place = await make();
    // One connection, so that a test can wrap itself in a transaction.
    rig = await openRig(place.url, { connections: 1 });
  });
  afterAll(async () => {
    await rig?.close();
    await place?.drop();
  });

  it.skipIf(!available)(`finds nothing wrong after ${COMMANDS} random commands`, () =>
    seeded(async (random) => {
      const ids = Array.from({ length: 20 }, newId);
      for (let done = 0; done < COMMANDS; done += 50) {
        const commands = Array.from({ length: 50 }, () => anyCommand(random, ids));
        const results = await Promise.allSettled(commands.map((command) => (random.below(5) === 0 ? rig.accept : rig.execute)(command)));
        for (const result of results) if (result.status === 'rejected') expect(result.reason).toHaveProperty('facts');
      }
      const runner = rig.startRunner();
      await until('every task has ended', async () => {
        const [task] = await rig.database.query<{ left: number }>(
          'select count(*) as left from tasks where finished_at is null and due_at <= now()',
        );
        return task?.left === 0;
      });
      await runner.stop();
      const { violations, events } = await rig.verify();
      expect(violations).toEqual([]);
      expect(events).toBeGreaterThan(COMMANDS / 10);
    }),
  );

  describe.skipIf(!available)('names the user and the reason', () => {
    let id: UserId;
    let events: number;
    const plant = (sql: string, ...values: unknown[]) => rig.database.query(sql, values);
    const found = async () => (await rig.verify()).violations;

    beforeEach(async () => {
      const person = creation();
      id = person.user_id;
      await rig.execute(person);
      await rig.execute(rename(id, 'Two'));
      await rig.execute(rename(id, 'Three'));
      expect(await found()).toEqual([]);
      events = (await rig.verify()).events;
      await plant('begin');
    });
    afterEach(() => plant('rollback'));

    it('where a row holds another state than the log', async () => {
      await plant(`update users set state = (state::jsonb || '{"bio":"planted"}')::json where user_id = $1`, id);
      expect(await found()).toEqual([{ invariant: 'read-model', user_id: id, reason: 'the row differs from the log in: bio' }]);
    });

    it('where a key column is another one than the log says', async () => {
      await plant(`update users set email_key = 'planted@example.com', status = 'inactive' where user_id = $1`, id);
      expect(await found()).toEqual([
        { invariant: 'read-model', user_id: id, reason: 'the row differs from the log in: column status, column email_key' },
      ]);
    });

    it('where a row has an old version', async () => {
      await plant('update users set version = 2 where user_id = $1', id);
      expect(await found()).toEqual([{ invariant: 'read-model', user_id: id, reason: 'the row has version 2, the log 3' }]);
    });

    it('where a row is missing', async () => {
      await plant('delete from users where user_id = $1', id);
      expect(await found()).toEqual([{ invariant: 'read-model', user_id: id, reason: 'has events but no row' }]);
    });

    it('where a row has no events', async () => {
      await plant('delete from events where stream = $1', `user-${id}`);
      expect(await found()).toContainEqual({ invariant: 'read-model', user_id: id, reason: 'has a row but no events' });
    });

    it('where an event is missing: a gap in the versions and in the positions', async () => {
      await plant('delete from events where stream = $1 and version = 2', `user-${id}`);
      expect(await found()).toEqual([
        { invariant: 'positions', user_id: null, reason: `position ${events - 2} is followed by ${events}` },
        { invariant: 'versions', user_id: id, reason: 'version 1 is followed by 3' },
        { invariant: 'read-model', user_id: id, reason: 'the row has version 3, the log 2' },
      ]);
    });

    it('where the first event is not UserCreated, or it comes again', async () => {
      await plant(`update events set type = 'UserActivated' where stream = $1 and version = 1`, `user-${id}`);
      await plant(`update events set type = 'UserCreated' where stream = $1 and version = 2`, `user-${id}`);
      expect(await found()).toEqual(
        expect.arrayContaining([
          { invariant: 'versions', user_id: id, reason: 'version 1 is UserActivated' },
          { invariant: 'versions', user_id: id, reason: 'version 2 is UserCreated' },
        ]),
      );
    });

    it('where something happened to a user after its deletion', async () => {
      await plant(`update events set type = 'UserDeleted' where stream = $1 and version = 2`, `user-${id}`);
      expect(await found()).toContainEqual({ invariant: 'versions', user_id: id, reason: 'version 3 comes after UserDeleted' });
    });

    it('where the log gives one address to two users', async () => {
      const other = creation();
      await rig.execute(other);
      await plant(
        `update events set personal = (select personal from events where stream = $1 and version = 1) where stream = $2`,
        `user-${id}`,
        `user-${other.user_id}`,
      );
      expect(await found()).toContainEqual({
        invariant: 'unique-keys',
        user_id: other.user_id,
        reason: `at position ${events + 1} the email is owned by ${id} too`,
      });
    });

    describe('in the views of a profile:', () => {
      const viewer = newId();
      beforeEach(async () => {
        for (const who of [viewer, newId()]) await rig.execute(request('record_profile_view', id, { viewer_id: who }));
        expect(await found()).toEqual([]);
      });
      const broken = (reason: string) => ({ invariant: 'profile-views', user_id: id, reason });

      it.each([
        ['a count that is too high', 'update profile_view_counts set count = 3 where user_id = $1', 'the count is 3, the log has 2 views'],
        ['a count that is missing', 'delete from profile_view_counts where user_id = $1', 'has views but no count'],
        [
          'a viewer who is missing',
          'delete from profile_viewers where user_id = $1 and viewer_id = $2',
          `the last view of ${viewer} is not in the list`,
        ],
        [
          'a viewer with another time than in the log',
          `update profile_viewers set viewed_at = viewed_at + interval '1 second' where user_id = $1 and viewer_id = $2`,
          `the row of viewer ${viewer} is not what the log says`,
        ],
        [
          'a viewer with another source than in the log',
          `update profile_viewers set source = 'planted' where user_id = $1 and viewer_id = $2`,
          `the row of viewer ${viewer} is not what the log says`,
        ],
        [
          'a viewer who never was',
          `insert into profile_viewers select user_id, '00000000-0000-4000-8000-00000000000a', hour, viewed_at, source, position
           from profile_viewers where user_id = $1 and viewer_id = $2`,
          'the row of viewer 00000000-0000-4000-8000-00000000000a is not what the log says',
        ],
      ])('%s', async (_, sql, reason) => {
        await plant(sql.includes('$2') ? sql : `with v as (select $2::uuid) ${sql}`, id, viewer);
        expect(await found()).toEqual([broken(reason)]);
      });

      it('a gap in the stream', async () => {
        await plant(`update events set version = 3 where stream = $1 and version = 2`, `views-${id}`);
        expect(await found()).toEqual([broken('view 1 is followed by 3'), broken('the count is 2, the log has 3 views')]);
      });

      it('a count of views where there are none', async () => {
        const nobody = newId();
        await plant('insert into profile_view_counts values ($1, 1)', nobody);
        expect(await found()).toEqual([{ invariant: 'profile-views', user_id: nobody, reason: 'the count is 1, the log has 0 views' }]);
      });
    });

    it('where the head has moved', async () => {
      await plant('update log_head set position = position + 1');
      expect(await found()).toEqual([
        { invariant: 'positions', user_id: null, reason: `the head is ${events + 1}, the last event has position ${events}` },
      ]);
    });
  });
});
