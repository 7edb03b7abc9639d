import type { TSchema } from 'typebox';
import { type UserUpdate, updateUser } from '../../domain/aggregates/user.ts';
import { AvatarUrl } from '../../domain/value-objects/avatar-url.ts';
import { Bio } from '../../domain/value-objects/bio.ts';
import { BirthDate } from '../../domain/value-objects/birth-date.ts';
import { Email } from '../../domain/value-objects/email.ts';
import { LanguageCode } from '../../domain/value-objects/language-code.ts';
import { Phone } from '../../domain/value-objects/phone.ts';
import { NameParts } from '../../domain/value-objects/username.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** undefined where nothing is said, null where the field is cleared. */
const changed = <T, R>(value: T | null | undefined, make: (value: T) => R): R | null | undefined =>
  value === null ? null : value === undefined ? undefined : make(value);

const fields = {
  username: field.optional(
    field.closed(
      { first_name: field.optional(field.firstName), last_name: field.optional(field.orNull(field.lastName)) },
      { title: 'UserNameChange' },
    ),
  ),
  email: field.optional(field.orNull(field.email)),
  phone: field.optional(field.orNull(field.phone)),
  avatar_url: field.optional(field.orNull(field.avatarUrl)),
  bio: field.optional(field.orNull(field.bio)),
  birth_date: field.optional(field.orNull(field.birthDate)),
  language_code: field.optional(field.languageCode),
  privacy_settings: field.optional(field.privacySettings),
} satisfies Record<keyof UserUpdate, TSchema>;

/** Changes any of the fields that a user is created with, all or none of them: a JSON Merge Patch (RFC 7396), so null clears. */
export const update = command({
  // An empty patch is one; no body is none.
  input: field.closed(fields, { minProperties: 0 }),
  decide: (user, input, { now }) => {
    const { username, language_code, privacy_settings } = input;
    const next: { [F in keyof UserUpdate]-?: UserUpdate[F] } = {
      username: username && NameParts(username),
      email: changed(input.email, Email),
      phone: changed(input.phone, Phone),
      avatar_url: changed(input.avatar_url, AvatarUrl),
      bio: changed(input.bio, Bio),
      birth_date: changed(input.birth_date, (date) => BirthDate(date, now)),
      language_code: language_code === undefined ? undefined : LanguageCode(language_code),
      privacy_settings,
    };
    return updateUser(user, next);
  },
});
