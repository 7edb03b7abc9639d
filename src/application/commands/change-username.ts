import { changeUsername as decide } from '../../domain/aggregates/user.ts';
import { NamePart } from '../../domain/value-objects/username.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Changes either part of the name or both; null clears the last name. */
export const changeUsername = command({
  input: field.closed(
    { first_name: field.optional(field.firstName), last_name: field.optional(field.orNull(field.lastName)) },
    { minProperties: 1 },
  ),
  decide: (user, { first_name, last_name }) =>
    decide(user, {
      ...(first_name !== undefined && { first_name: NamePart(first_name) }),
      ...(last_name !== undefined && { last_name: last_name === null ? null : NamePart(last_name) }),
    }),
});
