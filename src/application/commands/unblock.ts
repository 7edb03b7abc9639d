import { unblock as decide } from '../../domain/aggregates/user.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Ends a block; the user returns to the state before it. */
export const unblock = command({
  input: field.closed({}),
  decide,
});
