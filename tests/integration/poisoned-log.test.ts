import { afterAll, beforeAll, expect, it } from 'vitest';
import { cloudEvent } from '../../src/application/feed/cloud-event.ts';
import { listUsers } from '../../src/application/queries/list-users.ts';
import type { UserId } from '../../src/domain/value-objects/user-id.ts';
import { subjectOf } from '../../src/infrastructure/messaging/event-stream.ts';
import { EVENT_BYTES, PAGE_BYTES } from '../../src/infrastructure/persistence/event-store/event-store.ts';
import { eventFeed } from '../../src/infrastructure/persistence/log/event-feed.ts';
import { rebuild } from '../../src/infrastructure/persistence/read-model/rebuild.ts';
import { searchIndex, skippedEvents } from '../../src/infrastructure/persistence/read-model/search-index.ts';
import { userList } from '../../src/infrastructure/persistence/repositories/user-list.ts';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { onEachDatabase, type Store } from '../fixtures/database-kinds.ts';
import { feedSearch } from '../fixtures/feed-search.ts';
import { creation, newId, rename, request } from '../fixtures/people.ts';
import { untold } from '../fixtures/told.ts';
import { until } from '../fixtures/until.ts';

/** The personal part of an event that no release writes; but a database may be damaged, or written to by somebody else. */
const poisons = {
  'no JSON': Buffer.from('\0{"username": '),
  'a text where the fields should be': Buffer.from('\0"username"'),
  'half a surrogate pair in a name': Buffer.from('\0{"username":{"first_name":"half \\ud800"}}'),
  'more than an event may have': Buffer.from(`\0${JSON.stringify({ username: { first_name: 'x'.repeat(5_000_000) } })}`),
};

onEachDatabase('a log with events that cannot be read', (make) => {
  let place: Store;
  let rig: Rig;
  const poisoned: { position: number; user_id: UserId }[] = [];
  const skipped: number[] = [];

  /** As the service writes it, but for the personal part; what constraints would refuse is there from before they were. */
  const plant = async (personal: Buffer): Promise<void> => {
    const user_id = newId();
    const [row] = await rig.database.query<{ position: number }>(
      `with moved as (update log_head set position = position + 1 returning position)
       insert into events select position, 'user-' || $1::text, 1, 'UserCreated', 1,
         '{"changed":["username","email"],"language_code":"en","privacy_settings":{}}', $2, gen_random_uuid(), null, null, now()
       from moved returning position`,
      [user_id, personal],
    );
    poisoned.push({ position: row?.position ?? 0, user_id });
  };
  const found = async (q: string) => {
    const { users } = await listUsers(userList(rig.store))({ q, sort: '-created_at', limit: 10, from: null });
    return users.map(({ user_id }) => user_id);
  };
  const named = (first_name: string) => creation({ username: { first_name } });

  beforeAll(async () => {
    place = await make();
    rig = await openRig(place.url);
    await rig.database.query('alter table events drop constraint events_size');
    await rig.execute(named('Before'));
    for (const personal of Object.values(poisons)) {
      await plant(personal);
      await rig.execute(named('Between'));
    }
    await rig.execute(named('After'));
  });
  afterAll(async () => {
    await rig?.close();
    await place?.drop();
  });

  it('is searched in up to its end, and what was passed over is told and kept in mind', async () => {
    // Many processes, of which each may pass over an event, and none over another one.
    await Promise.all(Array.from({ length: 4 }, () => feedSearch(rig.database, (_, position) => skipped.push(position))));
    expect(skipped.sort((one, other) => one - other)).toEqual(poisoned.map(({ position }) => position));
    expect(await skippedEvents(rig.database)).toBe(poisoned.length);
    expect([(await found('before')).length, (await found('between')).length, (await found('after')).length]).toEqual([1, 4, 1]);
  });

  it.each(['omit', 'include'] as const)(
    'leaves the service whole and in order, personal data %s: without what cannot be sent, and with what changed',
    async (personal) => {
      const { events, more } = await eventFeed(rig.database, personal).read(0, 100);
      expect(events.map(({ position }) => position)).toEqual(Array.from({ length: 10 }, (_, n) => n + 1));
      expect(more).toBe(false);
      for (const { position, user_id } of poisoned) {
        const event = events[position - 1];
        expect(event).toMatchObject({ user_id, type: 'UserCreated', changed: ['username', 'email'] });
        // Half a surrogate pair can be read, and sent as JSON.
        expect(JSON.stringify(event?.personal ?? {}).length).toBeLessThan(100);
      }
    },
  );

  it('keeps its users to themselves: each is 503, all others are found', async () => {
    const { user_id } = poisoned[0] as (typeof poisoned)[number];
    await expect(rig.users.history(user_id, 0, 10)).rejects.toMatchObject({ code: 'stream-unreadable' });
    await expect(rig.users.findAt(user_id, 1)).rejects.toMatchObject({ code: 'stream-unreadable' });
  });

  it('is made whole by a rebuild, as far as it can be read', async () => {
    // An operator mends what had been damaged.
    const mended = Buffer.from('\0{"username":{"first_name":"Mended"}}');
    for (const { position } of poisoned.slice(1))
      await rig.database.query('update events set personal = $2 where position = $1', [position, mended]);
    await rebuild(rig.database, rig.store, () => {});
    expect(await rig.database.query('select name, position from skipped')).toEqual([{ name: 'words', position: poisoned[0]?.position }]);
    const words = await rig.database.query<{ user_id: UserId }>(`select user_id from user_words where word = 'mended' order by user_id`);
    expect(words.map(({ user_id }) => user_id)).toEqual(
      poisoned
        .slice(1)
        .map(({ user_id }) => user_id)
        .sort(),
    );
  });
});

onEachDatabase('a log of large events', (make) => {
  let place: Store;
  let rig: Rig;
  beforeAll(async () => {
    place = await make();
    rig = await openRig(place.url);
  });
  afterAll(async () => {
    await rig?.close();
    await place?.drop();
  });

  it('is read in pages of bounded bytes, each with an event at least', async () => {
    const { user_id } = creation();
    await rig.execute({ ...creation(), user_id });
    await rig.database.query(
      `insert into events select 1 + n, 'user-' || $1::text, 1 + n, 'UserBioChanged', 1, '{"changed":["bio"]}',
         '\\x00'::bytea || convert_to(json_build_object('bio', repeat('b', ${EVENT_BYTES - 20}))::text, 'UTF8'), gen_random_uuid(), null, null, now()
       from generate_series(1, 100) n`,
      [user_id],
    );
    await rig.database.query('update log_head set position = 101');
    const positions: number[] = [];
    for (let more = true; more; ) {
      const page = await eventFeed(rig.database, 'include').read(positions.at(-1) ?? 0, 500);
      expect(page.events.length).toBeGreaterThan(0);
      expect(JSON.stringify(page.events).length).toBeLessThan(2 * PAGE_BYTES);
      positions.push(...page.events.map(({ position }) => position));
      more = page.more;
    }
    expect(positions).toEqual(Array.from({ length: 101 }, (_, n) => n + 1));
    expect((await eventFeed(rig.database, 'omit').read(0, 500)).events.length).toBe(101);
    expect(await eventFeed(rig.database, 'omit').read(0, 50)).toMatchObject({ more: true });
  });

  it('is searched in without reading the history of who is renamed', async () => {
    const before = creation({ username: { first_name: 'Formerly' } });
    await rig.execute(before);
    for (let n = 0; n < 30; n++) await rig.execute(request('change_bio', before.user_id, { new_bio: `bio ${n}` }));
    for (let n = 0; n < 30; n++) await rig.execute(rename(before.user_id, `Name${n}`));
    await feedSearch(rig.database);
    await rig.execute(rename(before.user_id, 'Lately'));
    let rows = 0;
    await feedSearch({ ...rig.database, query: async (sql, values) => counted(await rig.database.query(sql, values)) });
    function counted<T>(found: T[]): T[] {
      rows += found.length;
      return found;
    }
    expect(rows).toBeLessThan(40);
    const words = await rig.database.query('select word from user_words where user_id = $1', [before.user_id]);
    expect(words).toEqual([{ word: 'lately' }]);
    await rig.execute(request('delete', before.user_id, {}));
    await feedSearch(rig.database);
    expect(await rig.database.query('select word from user_words where user_id = $1', [before.user_id])).toEqual([]);
  });

  it('is searched in again, and none of it passed over, where the table could not be written for a while', async () => {
    await rig.execute(creation({ username: { first_name: 'Patience' } }));
    await rig.database.query('alter function write_words_v1(json) rename to write_words_elsewhere');
    let failed = 0;
    const index = searchIndex({ database: rig.database, away: { ...untold, report: () => failed++ } });
    index.start();
    await until('a page has failed', () => failed > 0);
    await index.stop();
    expect(await skippedEvents(rig.database)).toBe(0);
    await rig.database.query('alter function write_words_elsewhere(json) rename to write_words_v1');
    await feedSearch(rig.database);
    expect(await rig.database.query(`select from user_words where word = 'patience'`)).toHaveLength(1);
  });

  it('takes in no event that is larger, and its neighbours are none the worse', async () => {
    const name = 'n'.repeat(EVENT_BYTES);
    const changes = [creation(), creation({ username: { first_name: name } }), creation()];
    const results = await Promise.allSettled(changes.map((change) => rig.execute(change)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((results[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'validation-failed' });
  });
});

onEachDatabase('a log whose rows were damaged in any column', (make) => {
  let place: Store;
  let rig: Rig;
  const deep = (depth: number): string => `{"changed":["bio"],"x":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  const damages: Record<string, [column: string, value: string]> = {
    'a time that never was': ['at', `'infinity'`],
    'a time before all others': ['at', `'-infinity'`],
    'a time that JavaScript does not have': ['at', `'290000-01-01'`],
    'data that is nested far too deep': ['data', `'${deep(9_000)}'`],
    'fields that are no names': ['data', `'{"changed":{"a":[[[]]]}}'`],
    'data that is a number': ['data', `'5'`],
    'a trace that is an object': ['data', `'{"changed":[],"traceparent":{}}'`],
    'a trace with a line break': ['data', `'{"changed":[],"traceparent":"a\\r\\nb"}'`],
    'a type that is none': ['type', `''`],
    'a type with a wildcard': ['type', `'a.*.>'`],
    'a stream of nobody': ['stream', `'user-zzz'`],
    'a stream without a name': ['stream', `''`],
    'an actor of two million letters': ['actor', `repeat('a', 2000000)`],
    'a correlation id of two million letters': ['correlation_id', `repeat('a', 2000000)`],
    'personal data that is nested far too deep': ['personal', `'\\x00'::bytea || convert_to('${deep(9_000)}', 'UTF8')`],
  };

  beforeAll(async () => {
    place = await make();
    rig = await openRig(place.url);
    await rig.database.query('alter table events drop constraint events_size');
    for (const [column, value] of Object.values(damages)) {
      const columns: Record<string, string> = {
        position: '(select position from log_head) + 1',
        stream: `'user-' || gen_random_uuid()`,
        version: '1',
        type: `'UserCreated'`,
        schema_version: '1',
        data: `'{"changed":["username"],"language_code":"en","privacy_settings":{}}'`,
        personal: 'null',
        command_id: 'gen_random_uuid()',
        actor: 'null',
        correlation_id: 'null',
        at: 'now()',
        [column]: value,
      };
      await rig.database.query(`insert into events (${Object.keys(columns)}) select ${Object.values(columns)}`);
      await rig.database.query('update log_head set position = position + 1');
    }
  });
  afterAll(async () => {
    await rig?.close();
    await place?.drop();
  });

  it.each(['omit', 'include'] as const)('leaves the service, event by event, personal data %s', async (personal) => {
    const { events } = await eventFeed(rig.database, personal).read(0, 100);
    expect(events.map(({ position }) => position)).toEqual(Object.keys(damages).map((_, index) => index + 1));
    for (const event of events) {
      const body = cloudEvent(event);
      expect(JSON.stringify(body).length).toBeLessThan(EVENT_BYTES);
      expect(body.time).toMatch(/^\d{4}-/);
      expect(body.traceparent).toBeUndefined();
      expect(subjectOf('lumin', body.subject, event.type)).toMatch(/^lumin\.users\.[0-9a-f-]{36}\.\w+$/);
    }
  });

  it('is searched in up to its end', () => feedSearch(rig.database));
});
