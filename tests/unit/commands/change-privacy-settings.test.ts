import { describe, it } from 'vitest';
import { changePrivacySettings } from '../../../src/application/commands/change-privacy-settings.ts';
import { defaultPrivacySettings } from '../../../src/domain/value-objects/privacy-settings.ts';
import { created, given, privacySettingsChanged } from '../../fixtures/given.ts';

describe('change_privacy_settings', () => {
  it('changes what is given and keeps the rest', () =>
    given(created, privacySettingsChanged({ show_phone: true }))
      .when(changePrivacySettings, { profile_visibility: 'users', show_bio: false })
      .thenUser({ privacy_settings: { ...defaultPrivacySettings, show_phone: true, profile_visibility: 'users', show_bio: false } }));

  it('tells only what changed', () =>
    given(created)
      .when(changePrivacySettings, { profile_visibility: 'everyone', show_email: true, allow_search: true })
      .then(privacySettingsChanged({ show_email: true })));

  it('says nothing when all stays the same', () =>
    given(created)
      .when(changePrivacySettings, { ...defaultPrivacySettings })
      .thenNothingHappens());
});
