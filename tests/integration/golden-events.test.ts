import type { Static } from 'typebox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandName, commands } from '../../src/application/commands/index.ts';
import { foldUser, USER_FOLD, type User } from '../../src/domain/aggregates/user.ts';
import { UserId } from '../../src/domain/value-objects/user-id.ts';
import type { EventRow } from '../../src/infrastructure/persistence/event-store/event-store.ts';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { anyStore, type Store } from '../fixtures/database-kinds.ts';
import { foldMistake, type GoldenEvent, goldenFolds, loggedOf, readGolden, writeGolden } from '../fixtures/golden.ts';
import { request } from '../fixtures/people.ts';

/** Open fields that events of the same type have had since. */
const since: Record<string, object> = { UserUnblocked: { ended_by: 'unblock' } };

const USER = UserId('550e8400-e29b-41d4-a716-446655440000');
const NOW = new Date('2026-11-24T12:00:00.000Z');

/** Every field that a user can be created with; one that is missing does not compile. */
const everything: Required<Static<typeof commands.create.input>> = {
  user_id: null,
  username: { first_name: 'John', last_name: 'Doe' },
  email: 'john.doe@example.com',
  phone: '+79991234567',
  language_code: null,
  avatar_url: 'https://cdn.example.com/john.png',
  bio: 'Builds bridges.',
  birth_date: '1990-05-21',
  privacy_settings: null,
};

const wholeLife: [CommandName, object][] = [
  ['create', everything],
  ['change_username', { first_name: 'Jane', last_name: null }],
  ['change_email', { new_email: 'Jane@example.com' }],
  ['change_phone', { new_phone: null }],
  ['change_avatar_url', { new_avatar_url: null }],
  ['change_bio', { new_bio: 'Мосты — 橋' }],
  ['change_date', { new_birth_date: '1991-06-22' }],
  ['change_language_code', { new_language_code: 'pt-BR' }],
  ['change_privacy_settings', { profile_visibility: 'users', show_email: true }],
  ['deactivate', {}],
  ['activate', {}],
  ['block', { reason: 'Spam', until: '2026-12-01T12:00:00.000Z' }],
  ['unblock', {}],
  ['delete', {}],
];

if (process.env.WRITE_GOLDEN && !goldenFolds().includes(USER_FOLD)) writeGolden(USER_FOLD, []);

it('the fold of this release has its golden file; WRITE_GOLDEN=1 writes it', () => expect(goldenFolds()).toContain(USER_FOLD));

describe.each(goldenFolds())('events of fold %d', (fold) => {
  const events = readGolden(fold);
  /** The state after each event. */
  const states = (history: ReturnType<typeof loggedOf>): User[] => history.map((_, index) => foldUser(null, history.slice(0, index + 1)));

  it('are read as they were', () => expect(foldMistake({ USER_FOLD, foldUser }, { fold, events })).toBeNull());

  it('mean the same with fields that a newer release adds', () => {
    const more = { status: 'vip', added_later: 'Bob' };
    const history = loggedOf(events).map((event) => ({
      ...event,
      data: { ...event.data, ...more },
      personal: { ...event.personal, ...more },
    }));
    expect(states(history as typeof history & ReturnType<typeof loggedOf>)).toEqual(states(loggedOf(events)));
  });
});

describe('events of this release', () => {
  let place: Store;
  let rig: Rig;
  beforeAll(async () => {
    place = await anyStore();
    rig = await openRig(place.url, { now: () => NOW });
  });
  afterAll(async () => {
    await rig?.close();
    await place?.drop();
  });
  const stored = () =>
    rig.database.query<Pick<EventRow, 'type' | 'schema_version' | 'data' | 'personal' | 'at'>>(
      'select type, schema_version, data, personal, at from events where stream = $1 order by version',
      [`user-${USER}`],
    );

  it('are those of the golden file of its fold, one of each type', async () => {
    const after: User[] = [];
    for (const [command, input] of wholeLife) {
      await rig.execute(request(command, USER, input));
      after.push((await rig.users.find(USER))?.user as User);
    }
    const rows = (await stored()).map(({ personal, at, ...row }, index) => ({
      ...row,
      personal: personal && Buffer.from(personal).toString('base64'),
      at: at.toISOString(),
      state: after[index],
    }));
    if (process.env.WRITE_GOLDEN) writeGolden(USER_FOLD, rows);
    const added = ({ type, data }: GoldenEvent) =>
      since[type] && { data: { ...data, ...since[type], changed: [...Object.keys(since[type]), ...data.changed] } };
    expect(rows).toEqual(readGolden(USER_FOLD).map((event) => ({ ...event, ...added(event) })));
  });
});

it('every command that changes a user is in the life of the golden file', () => {
  // An update makes the events of the others.
  const others = new Set<CommandName>(['end_block', 'record_profile_view', 'update']);
  const names = (Object.keys(commands) as CommandName[]).filter((name) => !others.has(name));
  expect(wholeLife.map(([name]) => name).toSorted()).toEqual(names.toSorted());
});
