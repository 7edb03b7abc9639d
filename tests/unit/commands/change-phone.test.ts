import { describe, it } from 'vitest';
import { changePhone } from '../../../src/application/commands/change-phone.ts';
import { created, createdWithEmailOnly, createdWithPhoneOnly, emailChanged, given, phoneChanged } from '../../fixtures/given.ts';

describe('change_phone', () => {
  it('moves the user to the new number', () =>
    given(created).when(changePhone, { new_phone: '+7 999 123-45-68' }).then(phoneChanged('+79991234568')));

  it('gives a number to a user who had none', () =>
    given(createdWithEmailOnly).when(changePhone, { new_phone: '+79991234568' }).then(phoneChanged('+79991234568')));

  it('says nothing when the number stays the same', () =>
    given(created).when(changePhone, { new_phone: '+7 999-123 45 67' }).thenNothingHappens());

  it('clears the number with null', () => given(created).when(changePhone, { new_phone: null }).then(phoneChanged(null)));

  it('says nothing when there is none to clear', () =>
    given(createdWithEmailOnly).when(changePhone, { new_phone: null }).thenNothingHappens());

  it('does not clear the last contact', () => {
    given(createdWithPhoneOnly).when(changePhone, { new_phone: null }).thenFails('contact-required', '/new_phone');
    given(created, emailChanged(null)).when(changePhone, { new_phone: null }).thenFails('contact-required', '/new_phone');
  });

  it('refuses what is no number', () => given(created).when(changePhone, { new_phone: '89991234568' }).thenFails('invalid-phone'));
});
