/** Who may see a profile at all: anybody, other users, or its owner only. */
export const profileVisibilities = ['everyone', 'users', 'nobody'] as const;

export type ProfileVisibility = (typeof profileVisibilities)[number];

/** Who may see what of a profile. The keys and defaults are part of the outside contract. */
export type PrivacySettings = Readonly<{
  profile_visibility: ProfileVisibility;
  show_email: boolean;
  show_phone: boolean;
  show_birth_date: boolean;
  show_profile_views: boolean;
  show_bio: boolean;
  allow_search: boolean;
}>;

export const defaultPrivacySettings: PrivacySettings = {
  profile_visibility: 'everyone',
  show_email: false,
  show_phone: false,
  show_birth_date: false,
  show_profile_views: false,
  show_bio: true,
  allow_search: true,
};
