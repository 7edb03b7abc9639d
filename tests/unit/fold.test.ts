import { describe, expect, it } from 'vitest';
import { foldUser } from '../../src/domain/aggregates/user.ts';
import type { UserEvent, UserEvents } from '../../src/domain/events/user-events.ts';
import {
  activated,
  avatarUrlChanged,
  bioChanged,
  birthDateChanged,
  blocked,
  created,
  createdWith,
  deactivated,
  deleted,
  emailChanged,
  john,
  languageCodeChanged,
  phoneChanged,
  privacySettingsChanged,
  recorded,
  renamed,
  TOMORROW,
  timeOf,
  unblocked,
  userAfter,
} from '../fixtures/given.ts';

/** One event of every type; a new type without one does not compile. */
const oneOfEach: { [T in UserEvent['type']]: Extract<UserEvent, { type: T }> } = {
  UserCreated: created as never,
  UserUsernameChanged: renamed('Jane', null) as never,
  UserEmailChanged: emailChanged('new@example.com') as never,
  UserPhoneChanged: phoneChanged('+79991234568') as never,
  UserAvatarUrlChanged: avatarUrlChanged('https://example.com/a') as never,
  UserBioChanged: bioChanged('Hi') as never,
  UserBirthDateChanged: birthDateChanged('1990-05-21') as never,
  UserLanguageCodeChanged: languageCodeChanged('de') as never,
  UserPrivacySettingsChanged: privacySettingsChanged({ show_email: true }) as never,
  UserActivated: activated as never,
  UserDeactivated: deactivated as never,
  UserBlocked: blocked('Spam', TOMORROW) as never,
  UserUnblocked: unblocked as never,
  UserDeleted: deleted as never,
};
const types = Object.keys(oneOfEach) as UserEvent['type'][];

/** The event as it is read when its personal part cannot be. */
const unreadable = (event: UserEvent): UserEvent => ({ ...event, personal: {} }) as UserEvent;

describe('the fold', () => {
  it('keeps when the user was created and last changed', () =>
    expect(userAfter(created, deactivated, activated)).toMatchObject({ created_at: timeOf(0), updated_at: timeOf(2) }));

  it.each(types)('reads %s whose personal part cannot be read', (type) => {
    const events = type === 'UserCreated' ? [unreadable(created)] : [created, unreadable(oneOfEach[type])];
    const readable = userAfter(...(type === 'UserCreated' ? [created] : [created, oneOfEach[type]]));
    const user = userAfter(...events);
    expect(user).toMatchObject({ status: readable?.status, language_code: readable?.language_code, updated_at: readable?.updated_at });
    for (const field of Object.keys(oneOfEach[type].personal)) expect(user).toMatchObject(field === 'reason' ? {} : { [field]: null });
    expect(JSON.stringify(user)).not.toContain('undefined');
  });

  it('never leaves a field out, so that the stored state is always whole', () => {
    const whole = Object.keys(userAfter(created) ?? {}).sort();
    for (const type of types) {
      const events = type === 'UserCreated' ? [unreadable(created)] : [unreadable(created), unreadable(oneOfEach[type])];
      const user = userAfter(...events) ?? {};
      expect(Object.keys(user).sort()).toEqual(whole);
      expect(Object.values(user)).not.toContain(undefined);
    }
  });

  it('knows the end of a block whose reason cannot be read', () =>
    expect(userAfter(created, unreadable(blocked('Spam', TOMORROW)))?.blocked).toEqual({
      reason: null,
      until: TOMORROW,
      at: timeOf(1),
      before: 'active',
    }));

  it('leaves the state that it starts from as it was', () => {
    const before = userAfter(created);
    const copy = structuredClone(before);
    foldUser(before, recorded([renamed('Jane', null), privacySettingsChanged({ show_email: true }), deleted]));
    expect(before).toEqual(copy);
  });

  it('shows nothing personal of a deleted user, whatever personal fields there are', () => {
    const life = types.filter((type) => type !== 'UserDeleted').map((type) => oneOfEach[type]);
    const all = [createdWith(whole), ...life.slice(1), createdWith(whole), blocked('Spam')];
    const gone = userAfter(...all, deleted);
    const personal = [...all, blocked('Spam')].map((event) => event.personal);
    for (const field of new Set(personal.flatMap(Object.keys)))
      expect(gone).toMatchObject(field === 'reason' ? { blocked: null } : { [field]: null });
    for (const text of textsIn(personal)) expect(JSON.stringify(gone)).not.toContain(text);
  });
});

/** All that a user can be created with: a new personal field that is missing here does not compile. */
const whole: Required<UserEvents['UserCreated']['personal']> = {
  ...john,
  avatar_url: 'https://cdn.example.com/john.png',
  bio: 'Builds bridges.',
  birth_date: '1990-05-21',
};
const textsIn = (value: unknown): string[] => (typeof value === 'object' ? Object.values(value ?? {}).flatMap(textsIn) : [String(value)]);
