import { describe, it } from 'vitest';
import { changeEmail } from '../../../src/application/commands/change-email.ts';
import { created, createdWithEmailOnly, createdWithPhoneOnly, emailChanged, given } from '../../fixtures/given.ts';

describe('change_email', () => {
  it('moves the user to the new address', () =>
    given(created).when(changeEmail, { new_email: 'new@Example.com' }).then(emailChanged('new@example.com')));

  it('gives an address to a user who had none', () =>
    given(createdWithPhoneOnly).when(changeEmail, { new_email: 'new@example.com' }).then(emailChanged('new@example.com')));

  it('says nothing when the address stays the same', () =>
    given(created).when(changeEmail, { new_email: 'john@EXAMPLE.COM' }).thenNothingHappens());

  it('keeps a new spelling of the local part, which is the same mailbox for us but perhaps not for its server', () =>
    given(created).when(changeEmail, { new_email: 'John@example.com' }).then(emailChanged('John@example.com')));

  it('clears the address with null', () => given(created).when(changeEmail, { new_email: null }).then(emailChanged(null)));

  it('says nothing when there is none to clear', () =>
    given(createdWithPhoneOnly).when(changeEmail, { new_email: null }).thenNothingHappens());

  it('does not clear the last contact', () =>
    given(createdWithEmailOnly).when(changeEmail, { new_email: null }).thenFails('contact-required', '/new_email'));

  it('refuses what is no address', () => given(created).when(changeEmail, { new_email: ' new@example.com' }).thenFails('invalid-email'));
});
