import { deactivate as decide } from '../../domain/aggregates/user.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Makes an active user inactive; an inactive user can still be edited. */
export const deactivate = command({
  input: field.closed({}),
  decide,
});
