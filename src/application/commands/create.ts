import type { TSchema } from 'typebox';
import { createUser } from '../../domain/aggregates/user.ts';
import type { UserEvents } from '../../domain/events/user-events.ts';
import { AvatarUrl } from '../../domain/value-objects/avatar-url.ts';
import { Bio } from '../../domain/value-objects/bio.ts';
import { BirthDate } from '../../domain/value-objects/birth-date.ts';
import { Email } from '../../domain/value-objects/email.ts';
import { LanguageCode } from '../../domain/value-objects/language-code.ts';
import { Phone } from '../../domain/value-objects/phone.ts';
import { defaultPrivacySettings } from '../../domain/value-objects/privacy-settings.ts';
import { NamePart } from '../../domain/value-objects/username.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

const given = <T, R>(value: T | null | undefined, make: (value: T) => R): R | undefined =>
  value === null || value === undefined ? undefined : make(value);

type Personal = UserEvents['UserCreated']['personal'];

const personal = {
  username: field.closed(
    { first_name: field.firstName, last_name: field.optional(field.orNull(field.lastName)) },
    { title: 'NewUserName' },
  ),
  email: field.optional(field.orNull(field.email)),
  phone: field.optional(field.orNull(field.phone)),
  avatar_url: field.optional(field.orNull(field.avatarUrl)),
  bio: field.optional(field.orNull(field.bio)),
  birth_date: field.optional(field.orNull(field.birthDate)),
} satisfies Record<keyof Personal, TSchema>;

const open = {
  language_code: field.optional(field.orNull(field.languageCode)),
  privacy_settings: field.optional(field.orNull(field.privacySettings)),
} satisfies Record<keyof UserEvents['UserCreated']['data'], TSchema>;

/** Creates a user. null means absent; `user_id` is read by the caller, which makes one where it is absent. */
export const create = command({
  input: field.closed({ user_id: field.optional(field.orNull(field.userId)), ...personal, ...open }),
  creates: true,
  decide: (user, input, { now }) => {
    const person: { [F in keyof Personal]-?: Personal[F] | undefined } = {
      username: { first_name: NamePart(input.username.first_name), last_name: given(input.username.last_name, NamePart) ?? null },
      email: given(input.email, Email),
      phone: given(input.phone, Phone),
      avatar_url: given(input.avatar_url, AvatarUrl),
      bio: given(input.bio, Bio),
      birth_date: given(input.birth_date, (date) => BirthDate(date, now)),
    };
    return createUser(user, {
      ...withoutUndefined(person),
      language_code: given(input.language_code, LanguageCode) ?? LanguageCode('en'),
      privacy_settings: { ...defaultPrivacySettings, ...input.privacy_settings },
    });
  },
});

/** An event holds the fields that were given and no others. */
const withoutUndefined = (person: { [F in keyof Personal]-?: Personal[F] | undefined }): Personal =>
  Object.fromEntries(Object.entries(person).filter(([, value]) => value !== undefined)) as Personal;
