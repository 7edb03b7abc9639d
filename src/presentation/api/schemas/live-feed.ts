import { type Static, Type } from 'typebox';
import { closed, optional, userId } from '../../../application/commands/fields.ts';

/** What a client of the live feed may send. */
export const subscribeMessage = closed({
  op: Type.Unsafe<'subscribe'>({ type: 'string', enum: ['subscribe'] }),
  user_id: optional(userId),
  after: optional(Type.String({ pattern: '^(0|[1-9][0-9]{0,15})$', description: 'Position of the last event seen.' })),
});

export type SubscribeMessage = Static<typeof subscribeMessage>;
