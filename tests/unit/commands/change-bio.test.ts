import { describe, it } from 'vitest';
import { changeBio } from '../../../src/application/commands/change-bio.ts';
import { bioChanged, created, given } from '../../fixtures/given.ts';

describe('change_bio', () => {
  it('sets the bio', () => given(created).when(changeBio, { new_bio: 'Builds\nbridges 🌉' }).then(bioChanged('Builds\nbridges 🌉')));

  it('says nothing when it stays the same', () => given(created, bioChanged('Hi')).when(changeBio, { new_bio: 'Hi' }).thenNothingHappens());

  it('clears it with null', () => given(created, bioChanged('Hi')).when(changeBio, { new_bio: null }).then(bioChanged(null)));

  it('says nothing when there is none to clear', () => given(created).when(changeBio, { new_bio: null }).thenNothingHappens());

  it('has at most 1,000 characters', () => {
    const longest = '🌉'.repeat(1000);
    given(created).when(changeBio, { new_bio: longest }).then(bioChanged(longest));
    given(created)
      .when(changeBio, { new_bio: `${longest}x` })
      .thenFails('too-long');
  });
});
