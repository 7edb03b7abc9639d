import { endBlock as decide } from '../../domain/aggregates/user.ts';
import { BlockUntil } from '../../domain/value-objects/block-until.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Ends the block that lasts until `until`, if it still stands. Runs as a task when that time has come. */
export const endBlock = command({
  input: field.closed({ until: field.blockUntil }),
  decide: (user, { until }) => decide(user, BlockUntil(until)),
});
