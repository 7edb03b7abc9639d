import { activate as decide } from '../../domain/aggregates/user.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Makes an inactive user active. */
export const activate = command({
  input: field.closed({}),
  decide,
});
