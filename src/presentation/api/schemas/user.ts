import { type TSchema, Type } from 'typebox';
import { closed, orNull } from '../../../application/commands/fields.ts';
import type { User } from '../../../domain/aggregates/user.ts';
import type { StoredUser } from '../../../domain/repositories/user-repository.ts';
import { type ProfileVisibility, profileVisibilities } from '../../../domain/value-objects/privacy-settings.ts';
import { type UserStatus, userStatuses } from '../../../domain/value-objects/user-status.ts';

const time = (description: string) => Type.String({ format: 'date-time', description, examples: ['2026-01-31T12:00:00.000Z'] });

const privacySettings = Type.Object(
  {
    profile_visibility: Type.Unsafe<ProfileVisibility>({
      type: 'string',
      enum: profileVisibilities,
      title: 'ProfileVisibility',
      description: 'Who may see the profile at all.',
    }),
    show_email: Type.Boolean(),
    show_phone: Type.Boolean(),
    show_birth_date: Type.Boolean(),
    show_profile_views: Type.Boolean(),
    show_bio: Type.Boolean(),
    allow_search: Type.Boolean(),
  },
  { title: 'PrivacySettings', additionalProperties: false },
);

export const userName = closed(
  {
    first_name: Type.String({ description: 'Given name.', examples: ['John'] }),
    last_name: orNull(Type.String({ description: 'Family name.', examples: ['Doe'] })),
  },
  { title: 'UserName' },
);

export const blockFields = {
  reason: orNull(Type.String({ description: 'Why the user is blocked.' })),
  until: orNull(Type.String({ format: 'date-time', description: 'When the block ends by itself.' })),
};

export const userStatus = {
  type: 'string',
  enum: userStatuses,
  title: 'UserStatus',
  description: '`deleted` only in a list of deleted users.',
};

/** The user as the outside sees it: the state with its id and version, and of a block without what only the fold needs to know. */
type UserView = Omit<User, 'blocked'> &
  Pick<StoredUser, 'user_id' | 'version'> & { blocked: Omit<NonNullable<User['blocked']>, 'before'> | null };

// A field of the user that is missing here, or in `userView`, does not compile.
export const userFields = {
  user_id: Type.String({ format: 'uuid', examples: ['550e8400-e29b-41d4-a716-446655440000'] }),
  username: orNull(userName),
  email: orNull(Type.String({ format: 'email', description: 'Email address.', examples: ['john.doe@example.com'] })),
  phone: orNull(Type.String({ description: 'Phone number in E.164.', examples: ['+79991234567'] })),
  language_code: Type.String({ description: 'BCP 47.', examples: ['en'] }),
  status: Type.Unsafe<UserStatus>(userStatus),
  blocked: orNull(
    closed({ ...blockFields, at: time('When it began.') }, { title: 'UserBlock', description: 'The block, while the user is blocked.' }),
  ),
  avatar_url: orNull(Type.String({ format: 'uri', description: 'Address of the avatar.', examples: ['https://cdn.example.com/john.png'] })),
  bio: orNull(Type.String({ description: 'A few lines about the person.', examples: ['Builds bridges.'] })),
  birth_date: orNull(Type.String({ format: 'date', description: 'Birth date.', examples: ['1990-05-21'] })),
  privacy_settings: privacySettings,
  version: Type.Integer({ minimum: 1, format: 'int32', description: 'Number of changes so far; the ETag.', examples: [1] }),
  created_at: time('When the user was created.'),
  updated_at: time('When the user was last changed.'),
} satisfies Record<keyof UserView, TSchema>;

export const userSchema = Type.Object(userFields, {
  title: 'User',
  description: 'A user. Every field is always there; what is empty is null, and so is the name of a deleted user.',
  additionalProperties: false,
});

/** The order of fields is the documented one. */
export const userView = ({ user_id, version, user }: StoredUser): UserView => ({
  user_id,
  username: user.username,
  email: user.email,
  phone: user.phone,
  language_code: user.language_code,
  status: user.status,
  blocked: user.blocked && { reason: user.blocked.reason, until: user.blocked.until, at: user.blocked.at },
  avatar_url: user.avatar_url,
  bio: user.bio,
  birth_date: user.birth_date,
  privacy_settings: user.privacy_settings,
  version,
  created_at: user.created_at,
  updated_at: user.updated_at,
});

const rendered = new WeakMap<StoredUser, Buffer>();

/** The user as JSON. A stored user never changes, so it is written once for as long as it is kept. */
export const userBytes = (stored: StoredUser): Buffer => {
  const bytes = rendered.get(stored) ?? Buffer.from(JSON.stringify(userView(stored)));
  rendered.set(stored, bytes);
  return bytes;
};
