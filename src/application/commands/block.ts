import { block as decide } from '../../domain/aggregates/user.ts';
import { BlockReason } from '../../domain/value-objects/block-reason.ts';
import { BlockUntil } from '../../domain/value-objects/block-until.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Blocks the user, or replaces reason and end of the block there is. With `until` the block ends by itself. */
export const block = command({
  input: field.closed({
    reason: field.optional(field.orNull(field.blockReason)),
    until: field.optional(field.orNull(field.blockUntil)),
  }),
  decide: (user, { reason = null, until = null }, { now }) =>
    decide(user, reason === null ? null : BlockReason(reason), until === null ? null : BlockUntil(until), now),
  later: ({ until = null }) => (until === null ? undefined : { command: 'end_block', input: { until }, due: BlockUntil(until) }),
});
