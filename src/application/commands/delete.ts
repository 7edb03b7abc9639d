import { deleteUser as decide } from '../../domain/aggregates/user.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Deletes the user for good, from any state; the id stays taken. */
export const deleteUser = command({
  input: field.closed({}),
  decide,
});
