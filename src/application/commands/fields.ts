import { type Static, type TSchema, Type } from 'typebox';
import { AVATAR_URL_LENGTH, AvatarUrl } from '../../domain/value-objects/avatar-url.ts';
import { BIO_LENGTH, Bio } from '../../domain/value-objects/bio.ts';
import { BirthDate } from '../../domain/value-objects/birth-date.ts';
import { BLOCK_REASON_LENGTH, BlockReason } from '../../domain/value-objects/block-reason.ts';
import { BlockUntil } from '../../domain/value-objects/block-until.ts';
import { Email } from '../../domain/value-objects/email.ts';
import { LanguageCode } from '../../domain/value-objects/language-code.ts';
import { Phone } from '../../domain/value-objects/phone.ts';
import { type ProfileVisibility, profileVisibilities } from '../../domain/value-objects/privacy-settings.ts';
import { UserId } from '../../domain/value-objects/user-id.ts';
import { NAME_LENGTH, NamePart } from '../../domain/value-objects/username.ts';
import { VIEW_SOURCE_LENGTH, ViewSource } from '../../domain/value-objects/view-source.ts';

/**
 * JSON Schema `format` → the value object that decides it. Whoever validates a command's input registers these, so that
 * a field is checked by the same function everywhere; each throws `InvalidValue`.
 */
export const formats = {
  uuid: UserId,
  email: Email,
  phone: Phone,
  'person-name': NamePart,
  'language-tag': LanguageCode,
  uri: AvatarUrl,
  bio: Bio,
  'block-reason': BlockReason,
  date: BirthDate,
  'date-time': BlockUntil,
  'view-source': ViewSource,
} satisfies Record<string, (text: string, now: Date) => string>;

const text = (format: keyof typeof formats, description: string, example: string, maxLength?: number) =>
  Type.String({ format, description, examples: [example], ...(maxLength && { maxLength }) });

export const userId = text('uuid', 'Any UUID except nil and max, in either case.', '550e8400-e29b-41d4-a716-446655440000');
export const email = text('email', 'An address name@example.com; upper and lower case are the same address.', 'john.doe@example.com', 254);
export const phone = text('phone', 'An international number with +; spaces and dashes are dropped.', '+79991234567', 32);
export const firstName = text('person-name', 'Given name.', 'John', NAME_LENGTH);
export const lastName = text('person-name', 'Family name.', 'Doe', NAME_LENGTH);
export const languageCode = text('language-tag', 'A BCP 47 language tag, kept in the canonical form of RFC 5646.', 'en', 35);
export const avatarUrl = text('uri', 'An https URL; stored, never fetched.', 'https://cdn.example.com/john.png', AVATAR_URL_LENGTH);
export const bio = text('bio', 'A few lines about the person.', 'Builds bridges.', BIO_LENGTH);
export const birthDate = text('date', 'A date from 1900-01-01 to today.', '1990-05-21');
export const blockReason = text('block-reason', 'Why the user is blocked.', 'Spam', BLOCK_REASON_LENGTH);
export const blockUntil = text('date-time', 'The block ends by itself at this time.', '2099-01-31T12:00:00Z');

export const viewSource = text('view-source', 'Where the profile was viewed from, in your own words.', 'search', VIEW_SOURCE_LENGTH);

const flag = (description: string) => Type.Boolean({ description });

/** An object that takes no other field. `title` is its name in the OpenAPI document. */
export const closed = <P extends Record<string, TSchema>>(properties: P, options: object = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options });

/** The same value or null. One schema with two types, so that a wrong value gives one error and not one per branch. */
export const orNull = <S extends TSchema>(schema: S) =>
  Type.Unsafe<Static<S> | null>({ ...schema, type: [(schema as { type?: string }).type, 'null'] });

export const optional = <S extends TSchema>(schema: S) => Type.Optional(schema);

export const privacySettings = closed(
  {
    profile_visibility: optional(
      Type.Unsafe<ProfileVisibility>({
        type: 'string',
        enum: profileVisibilities,
        title: 'ProfileVisibility',
        description: 'Who may see the profile at all.',
      }),
    ),
    show_email: optional(flag('Show the email address.')),
    show_phone: optional(flag('Show the phone number.')),
    show_birth_date: optional(flag('Show the birth date.')),
    show_profile_views: optional(flag('Show how often the profile was viewed.')),
    show_bio: optional(flag('Show the bio.')),
    allow_search: optional(flag('Be found by search.')),
  },
  { title: 'PrivacySettingsChange' },
);
