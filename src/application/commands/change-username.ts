import { changeUsername as decide } from '../../domain/aggregates/user.ts';
import { NameParts } from '../../domain/value-objects/username.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Changes either part of the name or both; null clears the last name. */
export const changeUsername = command({
  input: field.closed(
    { first_name: field.optional(field.firstName), last_name: field.optional(field.orNull(field.lastName)) },
    { minProperties: 1 },
  ),
  decide: (user, parts) => decide(user, NameParts(parts)),
});
