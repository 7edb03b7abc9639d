import { describe, it } from 'vitest';
import { changeUsername } from '../../../src/application/commands/change-username.ts';
import { created, given, renamed } from '../../fixtures/given.ts';

describe('change_username', () => {
  it('changes both parts', () =>
    given(created).when(changeUsername, { first_name: 'Jane', last_name: 'Roe' }).then(renamed('Jane', 'Roe')));

  it('keeps the last name when only the first is given', () =>
    given(created).when(changeUsername, { first_name: 'Jane' }).then(renamed('Jane', 'Doe')));

  it('keeps the first name when only the last is given', () =>
    given(created).when(changeUsername, { last_name: 'Roe' }).then(renamed('John', 'Roe')));

  it('clears the last name with null', () => given(created).when(changeUsername, { last_name: null }).then(renamed('John', null)));

  it('says nothing when both parts stay the same', () =>
    given(created).when(changeUsername, { first_name: 'John', last_name: 'Doe' }).thenNothingHappens());

  it('says nothing when the given part stays the same', () =>
    given(created).when(changeUsername, { last_name: 'Doe' }).thenNothingHappens());

  it('says nothing when a last name that is empty is cleared', () =>
    given(created, renamed('John', null)).when(changeUsername, { last_name: null }).thenNothingHappens());

  it('takes another way to write the same letters for the same name', () =>
    given(created, renamed('Zoë', null)).when(changeUsername, { first_name: 'Zoe\u0308' }).thenNothingHappens());

  it('refuses what is no name', () => {
    given(created).when(changeUsername, { first_name: '' }).thenFails('too-short');
    given(created).when(changeUsername, { last_name: 'Do\ne' }).thenFails('invalid-characters');
    given(created)
      .when(changeUsername, { last_name: 'x'.repeat(101) })
      .thenFails('too-long');
  });
});
