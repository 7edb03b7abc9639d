import { describe, it } from 'vitest';
import { activate } from '../../../src/application/commands/activate.ts';
import { activated, blocked, created, deactivated, given } from '../../fixtures/given.ts';

describe('activate', () => {
  it('makes an inactive user active', () => given(created, deactivated).when(activate, {}).then(activated));

  it('says nothing when the user is active', () => given(created).when(activate, {}).thenNothingHappens());

  it('does not lift a block, whatever the state before it was', () => {
    given(created, blocked()).when(activate, {}).thenFails('user-blocked');
    given(created, deactivated, blocked()).when(activate, {}).thenFails('user-blocked');
  });
});
