import type { EventOf, RecordedEvent } from '../aggregates/aggregate-root.ts';
import type { Email } from '../value-objects/email.ts';
import type { LanguageCode } from '../value-objects/language-code.ts';
import type { Phone } from '../value-objects/phone.ts';
import type { PrivacySettings } from '../value-objects/privacy-settings.ts';
import type { Username } from '../value-objects/username.ts';

type None = Record<never, never>;

/**
 * Everything that can happen to a user. The names are stored and public: add, never rename.
 * `personal` holds what identifies or describes the person; it is kept apart from the first event on, so that it can be erased.
 */
export type UserEvents = {
  UserCreated: {
    data: { language_code: LanguageCode; privacy_settings: PrivacySettings };
    personal: {
      username: Username;
      email?: Email;
      phone?: Phone;
      avatar_url?: string;
      bio?: string;
      birth_date?: string;
    };
  };
  UserUsernameChanged: { data: None; personal: { username: Username } };
  UserEmailChanged: { data: None; personal: { email: Email | null } };
  UserPhoneChanged: { data: None; personal: { phone: Phone | null } };
  UserAvatarUrlChanged: { data: None; personal: { avatar_url: string | null } };
  UserBioChanged: { data: None; personal: { bio: string | null } };
  UserBirthDateChanged: { data: None; personal: { birth_date: string | null } };
  UserLanguageCodeChanged: { data: { language_code: LanguageCode }; personal: None };
  UserPrivacySettingsChanged: { data: { privacy_settings: Partial<PrivacySettings> }; personal: None };
  UserActivated: { data: None; personal: None };
  UserDeactivated: { data: None; personal: None };
  UserBlocked: { data: { until: string | null }; personal: { reason: string | null } };
  /** `ended_by` is the command that ended the block, or `until`: its time was over. Older events do not say. */
  UserUnblocked: { data: { ended_by?: 'unblock' | 'until' }; personal: None };
  UserDeleted: { data: None; personal: None };
};

export type UserEvent = EventOf<UserEvents>;
export type RecordedUserEvent = RecordedEvent<UserEvents>;
