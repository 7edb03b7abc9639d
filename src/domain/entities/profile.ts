import type { User } from '../aggregates/user.ts';

/** How whoever looks stands to the user: `user` is another user who exists and is active, `anonymous` anybody else. */
type Relation = 'owner' | 'user' | 'anonymous';

/** What no profile shows, not even to its owner: the rest of the user. A new field of the user is decided here or in `profileFor`. */
type Hidden = 'status' | 'blocked' | 'privacy_settings' | 'created_at' | 'updated_at';

export type Profile = Omit<User, Hidden> & { shows_profile_views: boolean };

export const relationOf = (userId: string, viewerId: string | null, viewer: User | null): Relation => {
  if (viewerId === userId) return 'owner';
  return viewer?.status === 'active' ? 'user' : 'anonymous';
};

/** What of the profile may be seen under its owner's privacy settings; null where it may not be seen at all. */
export const profileFor = (user: User, relation: Relation): Profile | null => {
  const { privacy_settings: privacy, username, avatar_url, language_code, email, phone, birth_date, bio } = user;
  const owner = relation === 'owner';
  const visible = { everyone: true, users: relation !== 'anonymous', nobody: false }[privacy.profile_visibility];
  if (!owner && !visible) return null;
  return {
    username,
    avatar_url,
    language_code,
    email: owner || privacy.show_email ? email : null,
    phone: owner || privacy.show_phone ? phone : null,
    birth_date: owner || privacy.show_birth_date ? birth_date : null,
    bio: owner || privacy.show_bio ? bio : null,
    shows_profile_views: owner || privacy.show_profile_views,
  };
};
