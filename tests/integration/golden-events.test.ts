import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandName, commands } from '../../src/application/commands/index.ts';
import { foldUser, type User } from '../../src/domain/aggregates/user.ts';
import type { LoggedEvent } from '../../src/domain/repositories/user-repository.ts';
import { UserId } from '../../src/domain/value-objects/user-id.ts';
import { type EventRow, toEvent } from '../../src/infrastructure/persistence/event-store/event-store.ts';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { anyStore, type Store } from '../fixtures/database-kinds.ts';
import { request } from '../fixtures/people.ts';

/** Events as a release stored them, one of each type, each with the state that it led to. Kept for ever: a new release gets a new file. */
const golden = new URL('../fixtures/golden/events-0.1.json', import.meta.url);
type Golden = { type: string; schema_version: number; data: object; personal: string | null; at: string; state: User }[];

const USER = UserId('550e8400-e29b-41d4-a716-446655440000');
const NOW = new Date('2026-11-24T12:00:00.000Z');

const wholeLife: [CommandName, object][] = [
  [
    'create',
    {
      username: { first_name: 'John', last_name: 'Doe' },
      email: 'john.doe@example.com',
      phone: '+79991234567',
      avatar_url: 'https://cdn.example.com/john.png',
      bio: 'Builds bridges.',
      birth_date: '1990-05-21',
    },
  ],
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

describe('events of release 0.1', () => {
  const events: Golden = process.env.WRITE_GOLDEN ? [] : JSON.parse(readFileSync(golden, 'utf8'));
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

  const logged = (): LoggedEvent[] =>
    events.map(({ state: _, personal, at, ...event }) =>
      toEvent({
        ...event,
        stream: `user-${USER}`,
        personal: personal === null ? null : Buffer.from(personal, 'base64'),
        at: new Date(at),
      } as EventRow),
    );
  /** The state after each event. */
  const states = (history: LoggedEvent[]): User[] => history.map((_, index) => foldUser(null, history.slice(0, index + 1)));

  it('are read as they were', () => expect(states(logged())).toEqual(events.map(({ state }) => state)));

  it('mean the same with fields that a newer release adds', () => {
    const more = { status: 'vip', nickname: 'Bob' };
    const history = logged().map((event) => ({ ...event, data: { ...event.data, ...more }, personal: { ...event.personal, ...more } }));
    expect(states(history as LoggedEvent[])).toEqual(events.map(({ state }) => state));
  });

  it('are what this release stores: one of each type', async () => {
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
    if (process.env.WRITE_GOLDEN) writeFileSync(golden, `${JSON.stringify(rows, null, 2)}\n`);
    expect(rows).toEqual(events);
  });
});

it('every command that changes a user is in the life of the golden file', () => {
  const others = new Set<CommandName>(['end_block', 'record_profile_view']);
  const names = (Object.keys(commands) as CommandName[]).filter((name) => !others.has(name));
  expect(wholeLife.map(([name]) => name).toSorted()).toEqual(names.toSorted());
});
