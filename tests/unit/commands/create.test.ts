import { describe, expect, it } from 'vitest';
import { create } from '../../../src/application/commands/create.ts';
import { defaultPrivacySettings } from '../../../src/domain/value-objects/privacy-settings.ts';
import { blocked, created, createdWith, deactivated, deleted, given, john, NOW, unblocked } from '../../fixtures/given.ts';

const username = { first_name: 'John' };

describe('create', () => {
  it('makes a user with the fields that were given', () =>
    given()
      .when(create, { username: { first_name: 'John', last_name: 'Doe' }, email: 'john@EXAMPLE.com', phone: '+7 999 123-45-67' })
      .then(created));

  it('starts active, in English, with the default privacy settings and everything else empty', () =>
    given()
      .when(create, { username, email: john.email })
      .thenUser({
        status: 'active',
        username: { first_name: 'John', last_name: null },
        phone: null,
        language_code: 'en' as never,
        blocked: null,
        avatar_url: null,
        bio: null,
        birth_date: null,
        privacy_settings: defaultPrivacySettings,
        created_at: NOW.toISOString(),
        updated_at: NOW.toISOString(),
      }));

  it('takes every optional field in its canonical form', () =>
    given()
      .when(create, {
        username: { first_name: 'Zoe\u0308', last_name: null },
        phone: '+7 999 123 45 67',
        language_code: 'pt-br',
        avatar_url: 'https://example.com/ü.png',
        bio: 'Builds bridges.',
        birth_date: '1990-05-21',
        privacy_settings: { show_email: true },
      })
      .then(
        createdWith(
          {
            username: { first_name: 'Zoë', last_name: null },
            phone: john.phone,
            avatar_url: 'https://example.com/%C3%BC.png',
            bio: 'Builds bridges.',
            birth_date: '1990-05-21',
          },
          { language_code: 'pt-BR' as never, privacy_settings: { ...defaultPrivacySettings, show_email: true } },
        ),
      ));

  it('takes null for absent', () =>
    given()
      .when(create, {
        user_id: null,
        username: { first_name: 'John', last_name: null },
        email: john.email,
        phone: null,
        language_code: null,
        avatar_url: null,
        bio: null,
        birth_date: null,
        privacy_settings: null,
      })
      .then(createdWith({ username: { first_name: 'John', last_name: null }, email: john.email })));

  it('keeps no field in the event that was not given', () =>
    given()
      .when(create, { username, email: john.email })
      .then(createdWith({ username: { first_name: 'John', last_name: null }, email: john.email })));

  it('needs an email address or a phone number', () =>
    given().when(create, { username, email: null }).thenFails('contact-required', '/email', '/phone'));

  it.each([
    ['active', [created]],
    ['inactive', [created, deactivated]],
    ['blocked', [created, blocked()]],
    ['unblocked', [created, blocked(), unblocked]],
  ])('does not take the id of an %s user', (_, events) =>
    given(...events)
      .when(create, { username, email: john.email })
      .thenFails('user-exists'),
  );

  it('does not take the id of a deleted user', () =>
    given(created, deleted).when(create, { username, email: john.email }).thenFails('user-deleted'));

  it('says that the id is taken before it looks at the contact', () => given(created).when(create, { username }).thenFails('user-exists'));

  it.each([
    ['invalid-characters', { username: { first_name: 'John\u0000' } }],
    ['invalid-characters', { username: { first_name: 'John', last_name: '\u202EDoe' } }],
    ['invalid-email', { email: 'john@localhost' }],
    ['invalid-phone', { phone: '12345' }],
    ['invalid-language', { language_code: 'en_US' }],
    ['invalid-url', { avatar_url: 'http://example.com/' }],
    ['too-short', { bio: ' ' }],
    ['date-in-future', { birth_date: '2026-11-25' }],
  ])('refuses a wrong value: %s', (code, wrong) =>
    given()
      .when(create, { username, email: john.email, ...wrong })
      .thenFails(code),
  );

  it('is the one command whose user does not exist yet', () => expect(create.creates).toBe(true));
});
