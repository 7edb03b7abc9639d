import { describe, expect, it } from 'vitest';
import { deleteUser } from '../../../src/application/commands/delete.ts';
import { uniqueKeys } from '../../../src/domain/aggregates/user.ts';
import {
  avatarUrlChanged,
  bioChanged,
  birthDateChanged,
  blocked,
  created,
  deactivated,
  deleted,
  given,
  NOW,
  userAfter,
} from '../../fixtures/given.ts';

describe('delete', () => {
  it.each([
    ['active', [created]],
    ['inactive', [created, deactivated]],
    ['blocked', [created, blocked('Spam')]],
  ])('deletes an %s user', (_, events) =>
    given(...events)
      .when(deleteUser, {})
      .then(deleted),
  );

  it('clears every personal field', () =>
    given(created, avatarUrlChanged('https://example.com/a'), bioChanged('Hi'), birthDateChanged('1990-05-21'), blocked('Spam'))
      .when(deleteUser, {})
      .thenUser({
        status: 'deleted',
        username: null,
        email: null,
        phone: null,
        blocked: null,
        avatar_url: null,
        bio: null,
        birth_date: null,
        updated_at: NOW.toISOString(),
      }));

  it('gives email address and phone number back', () =>
    expect(uniqueKeys(userAfter(created, deleted) as never)).toEqual({ email_key: null, phone_key: null }));

  it('says nothing when the user is deleted already', () => given(created, deleted).when(deleteUser, {}).thenNothingHappens());

  it('does not find a user who never was', () => given().when(deleteUser, {}).thenFails('user-not-found'));
});
