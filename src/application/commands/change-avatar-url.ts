import { changeAvatarUrl as decide } from '../../domain/aggregates/user.ts';
import { AvatarUrl } from '../../domain/value-objects/avatar-url.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Changes the avatar's address; null clears it. The address is never fetched. */
export const changeAvatarUrl = command({
  input: field.closed({ new_avatar_url: field.orNull(field.avatarUrl) }),
  decide: (user, { new_avatar_url }) => decide(user, new_avatar_url === null ? null : AvatarUrl(new_avatar_url)),
});
