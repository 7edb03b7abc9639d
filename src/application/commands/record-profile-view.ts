import { present } from '../../domain/aggregates/user.ts';
import { UserId } from '../../domain/value-objects/user-id.ts';
import { ViewSource } from '../../domain/value-objects/view-source.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Records that someone viewed the profile. Nothing happens to the user; the view goes to a stream of its own. */
export const recordProfileView = command({
  input: field.closed({
    viewer_id: field.userId,
    source: field.optional(field.orNull(field.viewSource)),
  }),
  decide: (user) => present(user) && [],
  view: ({ viewer_id, source }, { now }) => ({ viewer_id: UserId(viewer_id), source: source ? ViewSource(source) : null, at: now }),
});
