import { changeBio as decide } from '../../domain/aggregates/user.ts';
import { Bio } from '../../domain/value-objects/bio.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Changes the bio; null clears it. */
export const changeBio = command({
  input: field.closed({ new_bio: field.orNull(field.bio) }),
  decide: (user, { new_bio }) => decide(user, new_bio === null ? null : Bio(new_bio)),
});
