import { describe, it } from 'vitest';
import { deactivate } from '../../../src/application/commands/deactivate.ts';
import { activated, blocked, created, deactivated, given } from '../../fixtures/given.ts';

describe('deactivate', () => {
  it('makes an active user inactive', () => given(created).when(deactivate, {}).then(deactivated));

  it('does so again after an activation', () => given(created, deactivated, activated).when(deactivate, {}).then(deactivated));

  it('says nothing when the user is inactive', () => given(created, deactivated).when(deactivate, {}).thenNothingHappens());

  it('does not touch a blocked user', () => given(created, blocked()).when(deactivate, {}).thenFails('user-blocked'));
});
