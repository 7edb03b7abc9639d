import { describe, expect, it } from 'vitest';
import { type CommandName, commandNamed, commands } from '../../src/application/commands/index.ts';
import type { UserEvent } from '../../src/domain/events/user-events.ts';
import { blocked, created, deactivated, deleted, given, NOW, TOMORROW } from '../fixtures/given.ts';

const states: Record<string, UserEvent[]> = {
  nobody: [],
  active: [created],
  inactive: [created, deactivated],
  blocked: [created, blocked('Spam', TOMORROW)],
  'blocked until now': [created, blocked('Spam', NOW.toISOString())],
  deleted: [created, deleted],
};

type Row = [input: unknown, nobody: string, active: string, inactive: string, blocked: string, over: string, deleted: string];

/** An input that changes an active user, and what each state answers: the events, nothing, or the problem. */
const table: Record<CommandName, Row> = {
  create: [
    { username: { first_name: 'A' }, email: 'a@x.io' },
    'UserCreated',
    'user-exists',
    'user-exists',
    'user-exists',
    'user-exists',
    'user-deleted',
  ],
  ...edit('update', { bio: 'Hi' }, 'UserBioChanged'),
  ...edit('change_username', { first_name: 'Jane' }, 'UserUsernameChanged'),
  ...edit('change_email', { new_email: 'new@x.io' }, 'UserEmailChanged'),
  ...edit('change_phone', { new_phone: '+79991234568' }, 'UserPhoneChanged'),
  ...edit('change_avatar_url', { new_avatar_url: 'https://x.io/' }, 'UserAvatarUrlChanged'),
  ...edit('change_bio', { new_bio: 'Hi' }, 'UserBioChanged'),
  ...edit('change_date', { new_birth_date: '1990-05-21' }, 'UserBirthDateChanged'),
  ...edit('change_language_code', { new_language_code: 'de' }, 'UserLanguageCodeChanged'),
  ...edit('change_privacy_settings', { show_email: true }, 'UserPrivacySettingsChanged'),
  activate: [{}, 'user-not-found', 'nothing', 'UserActivated', 'user-blocked', 'UserUnblocked', 'user-deleted'],
  deactivate: [{}, 'user-not-found', 'UserDeactivated', 'nothing', 'user-blocked', 'UserUnblocked UserDeactivated', 'user-deleted'],
  block: [{ reason: 'Fraud' }, 'user-not-found', 'UserBlocked', 'UserBlocked', 'UserBlocked', 'UserUnblocked UserBlocked', 'user-deleted'],
  unblock: [{}, 'user-not-found', 'nothing', 'nothing', 'UserUnblocked', 'UserUnblocked', 'user-deleted'],
  end_block: [{ until: TOMORROW }, 'nothing', 'nothing', 'nothing', 'UserUnblocked', 'UserUnblocked', 'nothing'],
  record_profile_view: [
    { viewer_id: '6ba7b810-9dad-41d1-80b4-00c04fd430c8' },
    'user-not-found',
    'nothing',
    'nothing',
    'nothing',
    'nothing',
    'user-deleted',
  ],
  delete: [{}, 'user-not-found', 'UserDeleted', 'UserDeleted', 'UserDeleted', 'UserUnblocked UserDeleted', 'nothing'],
};

function edit<N extends CommandName>(name: N, input: unknown, event: string) {
  return { [name]: [input, 'user-not-found', event, event, 'user-blocked', `UserUnblocked ${event}`, 'user-deleted'] } as Record<N, Row>;
}

const rows = Object.entries(table).flatMap(([name, [input, ...answers]]) =>
  Object.keys(states).map((state, index) => [name as CommandName, state, answers[index] ?? '', input] as const),
);

describe('the state table', () => {
  it.each(rows)('%s on %s: %s', (name, state, answer, input) => {
    const outcome = given(...(states[state] ?? [])).when(commandNamed(name), input as never);
    if (answer === 'nothing') outcome.thenNothingHappens();
    else if (answer.startsWith('User')) outcome.then(...answer.split(' ').map((type) => expect.objectContaining({ type }) as UserEvent));
    else outcome.thenFails(answer);
  });

  it('has a row for every command', () => expect(Object.keys(table).sort()).toEqual(Object.keys(commands).sort()));
});
