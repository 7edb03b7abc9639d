import { Type } from 'typebox';
import { endBlock as decide } from '../../domain/aggregates/user.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Ends the block that began at `blocked_at`, if it still stands. Runs as a task when the block's time is over. */
export const endBlock = command({
  input: field.closed({ blocked_at: Type.String() }),
  decide: (user, { blocked_at }) => decide(user, blocked_at),
});
