import { describe, it } from 'vitest';
import { changeAvatarUrl } from '../../../src/application/commands/change-avatar-url.ts';
import { avatarUrlChanged, created, given } from '../../fixtures/given.ts';

const url = 'https://cdn.example.com/john.png';

describe('change_avatar_url', () => {
  it('sets the address', () => given(created).when(changeAvatarUrl, { new_avatar_url: url }).then(avatarUrlChanged(url)));

  it('says nothing when it stays the same', () =>
    given(created, avatarUrlChanged(url)).when(changeAvatarUrl, { new_avatar_url: url }).thenNothingHappens());

  it('clears it with null', () =>
    given(created, avatarUrlChanged(url)).when(changeAvatarUrl, { new_avatar_url: null }).then(avatarUrlChanged(null)));

  it('says nothing when there is none to clear', () => given(created).when(changeAvatarUrl, { new_avatar_url: null }).thenNothingHappens());

  it('refuses what is not https', () =>
    given(created).when(changeAvatarUrl, { new_avatar_url: 'javascript:alert(1)' }).thenFails('invalid-url'));
});
