import type { UserEvent, UserEvents } from '../events/user-events.ts';
import { Problem } from '../problem.ts';
import { type Email, emailKey } from '../value-objects/email.ts';
import type { LanguageCode } from '../value-objects/language-code.ts';
import type { Phone } from '../value-objects/phone.ts';
import { defaultPrivacySettings, type PrivacySettings } from '../value-objects/privacy-settings.ts';
import type { UserStatus } from '../value-objects/user-status.ts';
import type { Username } from '../value-objects/username.ts';
import { type Evolve, foldWith } from './aggregate-root.ts';

type Created = UserEvents['UserCreated'];

/** What identifies or describes the person: the personal fields that a user is created with. Null where there is nothing. */
export type Person = Readonly<{ [F in keyof Created['personal']]-?: Exclude<Created['personal'][F], undefined> | null }>;

/** A user's state. Times are RFC 3339 strings in UTC. Every personal field is null once the user is deleted. */
export type User = Person &
  Readonly<Created['data']> &
  Readonly<{
    status: UserStatus;
    /** `before` is the status that unblocking returns to. */
    blocked: Readonly<{ reason: string | null; until: string | null; at: string; before: 'active' | 'inactive' }> | null;
    created_at: string;
    updated_at: string;
  }>;

const noPerson: Person = { username: null, email: null, phone: null, avatar_url: null, bio: null, birth_date: null };

const nobody: User = {
  ...noPerson,
  status: 'active',
  language_code: 'en' as LanguageCode,
  blocked: null,
  privacy_settings: defaultPrivacySettings,
  created_at: '',
  updated_at: '',
};

/** Raise when `evolve` or `User` changes its meaning: rows folded by another version are folded again from the log. */
export const USER_FOLD = 1;

/** By field: what a newer release adds to an event means nothing here, and what cannot be read is null. */
const personIn = (personal: Partial<Created['personal']>): Person =>
  Object.fromEntries(Object.keys(noPerson).map((field) => [field, personal[field as keyof Person] ?? null])) as Person;

const evolve: Evolve<User, UserEvents> = {
  UserCreated: (_, { data: { language_code, privacy_settings }, personal, at }) => ({
    ...personIn(personal),
    status: 'active',
    language_code,
    blocked: null,
    privacy_settings,
    created_at: at,
    updated_at: at,
  }),
  UserUsernameChanged: (user, { personal, at }) => ({ ...user, username: personal.username ?? null, updated_at: at }),
  UserEmailChanged: (user, { personal, at }) => ({ ...user, email: personal.email ?? null, updated_at: at }),
  UserPhoneChanged: (user, { personal, at }) => ({ ...user, phone: personal.phone ?? null, updated_at: at }),
  UserAvatarUrlChanged: (user, { personal, at }) => ({ ...user, avatar_url: personal.avatar_url ?? null, updated_at: at }),
  UserBioChanged: (user, { personal, at }) => ({ ...user, bio: personal.bio ?? null, updated_at: at }),
  UserBirthDateChanged: (user, { personal, at }) => ({ ...user, birth_date: personal.birth_date ?? null, updated_at: at }),
  UserLanguageCodeChanged: (user, { data, at }) => ({ ...user, language_code: data.language_code, updated_at: at }),
  UserPrivacySettingsChanged: (user, { data, at }) => ({
    ...user,
    privacy_settings: { ...user.privacy_settings, ...data.privacy_settings },
    updated_at: at,
  }),
  UserActivated: (user, { at }) => ({ ...user, status: 'active', updated_at: at }),
  UserDeactivated: (user, { at }) => ({ ...user, status: 'inactive', updated_at: at }),
  UserBlocked: (user, { data, personal, at }) => ({
    ...user,
    status: 'blocked',
    blocked: { reason: personal.reason ?? null, until: data.until, at, before: stateBeforeBlock(user) },
    updated_at: at,
  }),
  UserUnblocked: (user, { at }) => ({ ...user, status: stateBeforeBlock(user), blocked: null, updated_at: at }),
  // What stays, so that a field that is added later goes with the user.
  UserDeleted: ({ language_code, privacy_settings, created_at }, { at }) => ({
    ...noPerson,
    status: 'deleted',
    language_code,
    blocked: null,
    privacy_settings,
    created_at,
    updated_at: at,
  }),
};

const stateBeforeBlock = ({ status, blocked }: User) => blocked?.before ?? (status === 'inactive' ? 'inactive' : 'active');

export const foldUser = foldWith(evolve, nobody);

/** A user from a row of this fold. A field that the row's writer did not have is as it is for a new user. */
export const userIn = (state: Partial<User>): User => ({ ...nobody, ...state });

export const userEventTypes = Object.keys(evolve) as (keyof UserEvents)[];

/** Whether this release knows what the event means; a newer one may write others. */
export const isUserEvent = (type: string): boolean => Object.hasOwn(evolve, type);

/** The keys that no two live users share; null claims nothing. */
export const uniqueKeys = ({ email, phone }: User) => ({ email_key: email === null ? null : emailKey(email), phone_key: phone });

/** The user, if there is one that was not deleted. */
export const present = (user: User | null): User => {
  if (user === null) throw new Problem('user-not-found');
  if (user.status === 'deleted') throw new Problem('user-deleted');
  return user;
};

const editable = (user: User | null): User => {
  const found = present(user);
  if (found.status === 'blocked') throw new Problem('user-blocked');
  return found;
};

const event = <T extends keyof UserEvents>(type: T, personal: UserEvents[T]['personal'], data: UserEvents[T]['data']): UserEvent[] => [
  { type, data, personal } as UserEvent,
];

// Decisions: state and checked values in, events out. An empty list means that nothing happens.

type NewUser = Created['data'] & Created['personal'];

export const createUser = (user: User | null, { language_code, privacy_settings, ...personal }: NewUser): UserEvent[] => {
  if (user !== null) throw new Problem(user.status === 'deleted' ? 'user-deleted' : 'user-exists');
  requireContact(personal.email ?? null, personal.phone ?? null, ['/email', '/phone']);
  return event('UserCreated', personal, { language_code, privacy_settings });
};

type Changeable = Omit<Person & Created['data'], 'username' | 'privacy_settings'> & {
  username: Partial<Username>;
  privacy_settings: Partial<PrivacySettings>;
};

/** A change of several fields: any that a user is created with; of name and settings, the parts that change. */
export type UserUpdate = Readonly<{ [F in keyof Changeable]?: Changeable[F] | undefined }>;

/** Of each field, the event that its new value comes to, in the order in which a change of several has them. */
const fieldChanges: { [F in keyof Changeable]: (user: User, value: Changeable[F]) => UserEvent[] } = {
  username: ({ username }, change) => {
    const next = { first_name: '', last_name: null, ...username, ...change };
    return next.first_name === username?.first_name && next.last_name === username.last_name
      ? []
      : event('UserUsernameChanged', { username: next }, {});
  },
  email: (user, email) => (user.email === email ? [] : event('UserEmailChanged', { email }, {})),
  phone: (user, phone) => (user.phone === phone ? [] : event('UserPhoneChanged', { phone }, {})),
  avatar_url: (user, avatar_url) => (user.avatar_url === avatar_url ? [] : event('UserAvatarUrlChanged', { avatar_url }, {})),
  bio: (user, bio) => (user.bio === bio ? [] : event('UserBioChanged', { bio }, {})),
  birth_date: (user, birth_date) => (user.birth_date === birth_date ? [] : event('UserBirthDateChanged', { birth_date }, {})),
  language_code: (user, language_code) =>
    user.language_code === language_code ? [] : event('UserLanguageCodeChanged', {}, { language_code }),
  privacy_settings: ({ privacy_settings: before }, change) => {
    const after = { ...before, ...change };
    const keys = Object.keys(after) as (keyof PrivacySettings)[];
    const changed = Object.fromEntries(keys.filter((key) => after[key] !== before[key]).map((key) => [key, after[key]]));
    return Object.keys(changed).length === 0 ? [] : event('UserPrivacySettingsChanged', {}, { privacy_settings: changed });
  },
};

/** An event for each field that differs. The one contact that a user needs may be another one afterwards. */
export const updateUser = (user: User | null, update: UserUpdate): UserEvent[] => {
  const before = editable(user);
  const { email = before.email, phone = before.phone } = update;
  const cleared = (['email', 'phone'] as const).filter((field) => update[field] === null).map((field) => `/${field}`);
  if (cleared.length > 0) requireContact(email, phone, cleared);
  const eventsOf = <F extends keyof Changeable>(field: F): UserEvent[] => {
    const value: Changeable[F] | undefined = update[field];
    return value === undefined ? [] : fieldChanges[field](before, value);
  };
  return (Object.keys(fieldChanges) as (keyof Changeable)[]).flatMap(eventsOf);
};

export const changeUsername = (user: User | null, change: Partial<Username>): UserEvent[] => fieldChanges.username(editable(user), change);

export const changeEmail = (user: User | null, email: Email | null): UserEvent[] => {
  const before = editable(user);
  requireContact(email, before.phone, ['/new_email']);
  return fieldChanges.email(before, email);
};

export const changePhone = (user: User | null, phone: Phone | null): UserEvent[] => {
  const before = editable(user);
  requireContact(before.email, phone, ['/new_phone']);
  return fieldChanges.phone(before, phone);
};

export const changeAvatarUrl = (user: User | null, avatar_url: string | null): UserEvent[] =>
  fieldChanges.avatar_url(editable(user), avatar_url);

export const changeBio = (user: User | null, bio: string | null): UserEvent[] => fieldChanges.bio(editable(user), bio);

export const changeBirthDate = (user: User | null, birth_date: string | null): UserEvent[] =>
  fieldChanges.birth_date(editable(user), birth_date);

export const changeLanguageCode = (user: User | null, language_code: LanguageCode): UserEvent[] =>
  fieldChanges.language_code(editable(user), language_code);

export const changePrivacySettings = (user: User | null, change: Partial<PrivacySettings>): UserEvent[] =>
  fieldChanges.privacy_settings(editable(user), change);

export const activate = (user: User | null): UserEvent[] => (editable(user).status === 'active' ? [] : event('UserActivated', {}, {}));

export const deactivate = (user: User | null): UserEvent[] =>
  editable(user).status === 'inactive' ? [] : event('UserDeactivated', {}, {});

export const block = (user: User | null, reason: string | null, until: string | null, now: Date): UserEvent[] => {
  const { blocked } = present(user);
  if (until !== null && until <= now.toISOString()) {
    throw new Problem('validation-failed', { errors: [{ pointer: '/until', code: 'time-in-past', detail: 'must be in the future' }] });
  }
  return blocked?.reason === reason && blocked.until === until ? [] : event('UserBlocked', { reason }, { until });
};

export const unblock = (user: User | null): UserEvent[] =>
  present(user).status === 'blocked' ? event('UserUnblocked', {}, { ended_by: 'unblock' }) : [];

/** The end of a block whose time is over; a block that replaced it and ends at another time, or never, stands. */
export const endBlock = (user: User | null, until: string): UserEvent[] =>
  user?.blocked?.until === until ? event('UserUnblocked', {}, { ended_by: 'until' }) : [];

/** The end of the block that there is, if its time is over at `now`. */
export const endExpiredBlock = (user: User | null, now: Date): UserEvent[] => {
  const until = user?.blocked?.until ?? null;
  return until !== null && until <= now.toISOString() ? endBlock(user, until) : [];
};

export const deleteUser = (user: User | null): UserEvent[] => {
  if (user?.status === 'deleted') return [];
  present(user);
  return event('UserDeleted', {}, {});
};

const requireContact = (email: Email | null, phone: Phone | null, pointers: string[]): void => {
  if (email !== null || phone !== null) return;
  const detail = 'a user needs an email address or a phone number';
  throw new Problem('contact-required', {
    errors: pointers.map((pointer) => ({ pointer, code: 'contact-required', detail })),
  });
};
