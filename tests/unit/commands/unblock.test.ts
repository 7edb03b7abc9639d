import { describe, it } from 'vitest';
import { unblock } from '../../../src/application/commands/unblock.ts';
import { blocked, created, deactivated, given, unblocked } from '../../fixtures/given.ts';

describe('unblock', () => {
  it('ends the block', () => given(created, blocked('Spam')).when(unblock, {}).then(unblocked));

  it('returns an active user to active', () => given(created, blocked()).when(unblock, {}).thenUser({ status: 'active', blocked: null }));

  it('returns an inactive user to inactive', () =>
    given(created, deactivated, blocked()).when(unblock, {}).thenUser({ status: 'inactive', blocked: null }));

  it('returns to the state before the first of several blocks', () =>
    given(created, deactivated, blocked('Spam'), blocked('Fraud')).when(unblock, {}).thenUser({ status: 'inactive', blocked: null }));

  it('forgets the state before an earlier block', () =>
    given(created, deactivated, blocked(), unblocked, { type: 'UserActivated', data: {}, personal: {} }, blocked())
      .when(unblock, {})
      .thenUser({ status: 'active' }));

  it('says nothing when the user is not blocked', () => {
    given(created).when(unblock, {}).thenNothingHappens();
    given(created, deactivated).when(unblock, {}).thenNothingHappens();
  });
});
