import { describe, it } from 'vitest';
import { update } from '../../../src/application/commands/update.ts';
import {
  avatarUrlChanged,
  bioChanged,
  birthDateChanged,
  created,
  createdWithEmailOnly,
  createdWithPhoneOnly,
  emailChanged,
  given,
  languageCodeChanged,
  phoneChanged,
  privacySettingsChanged,
  renamed,
} from '../../fixtures/given.ts';

describe('update', () => {
  it('makes an event for each field that differs, in the order of the fields', () =>
    given(created)
      .when(update, {
        privacy_settings: { show_email: true },
        language_code: 'pt-br',
        birth_date: '1990-05-21',
        bio: 'Hi',
        avatar_url: 'https://x.io/',
        phone: '+7 999 123 45 68',
        email: 'new@example.com',
        username: { first_name: 'Jane' },
      })
      .then(
        renamed('Jane', 'Doe'),
        emailChanged('new@example.com'),
        phoneChanged('+79991234568'),
        avatarUrlChanged('https://x.io/'),
        bioChanged('Hi'),
        birthDateChanged('1990-05-21'),
        languageCodeChanged('pt-BR'),
        privacySettingsChanged({ show_email: true }),
      ));

  it('leaves what is not named as it is, and says nothing of what stays the same', () =>
    given(created, bioChanged('Hi'))
      .when(update, { bio: 'Hi', username: { last_name: 'Doe' }, email: 'john@example.com', phone: null })
      .then(phoneChanged(null)));

  it.each([{}, { username: {} }, { privacy_settings: {} }, { privacy_settings: { show_bio: true } }, { avatar_url: null }])(
    'says nothing where nothing changes: %j',
    (input) => given(created).when(update, input).thenNothingHappens(),
  );

  it('clears with null', () =>
    given(created, bioChanged('Hi'), avatarUrlChanged('https://x.io/'), birthDateChanged('1990-05-21'))
      .when(update, { username: { last_name: null }, bio: null, avatar_url: null, birth_date: null })
      .then(renamed('John', null), avatarUrlChanged(null), bioChanged(null), birthDateChanged(null)));

  it('may give one contact for the other, in either direction', () => {
    given(createdWithEmailOnly).when(update, { email: null, phone: '+79991234567' }).then(emailChanged(null), phoneChanged('+79991234567'));
    given(createdWithPhoneOnly).when(update, { phone: null, email: 'a@x.io' }).then(emailChanged('a@x.io'), phoneChanged(null));
  });

  it('refuses to clear the last contact, and names the fields that do', () => {
    given(createdWithEmailOnly).when(update, { email: null, bio: 'Hi' }).thenFails('contact-required', '/email');
    given(createdWithPhoneOnly).when(update, { phone: null }).thenFails('contact-required', '/phone');
    given(created).when(update, { email: null, phone: null }).thenFails('contact-required', '/email', '/phone');
  });

  it('refuses what is no value, whatever else is right', () => {
    given(created).when(update, { bio: 'Hi', birth_date: '2099-01-01' }).thenFails('date-in-future');
    given(created)
      .when(update, { username: { first_name: '' } })
      .thenFails('too-short');
  });
});
