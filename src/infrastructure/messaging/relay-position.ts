import type { Checkpoint } from '../persistence/log/relay-checkpoint.ts';

/** An event that the stream holds, and its sequence there. */
export type Published = { position: number; id: string; time: string; seq: number };

/** What the stream looks like. */
export type StreamState = {
  /** When it was made, in milliseconds since 1970. */
  created: number;
  /** Sequences of its first and last message. `last` stays when messages go. */
  first: number;
  last: number;
  /** Settings by which it takes messages away. */
  losses: { unread: readonly string[]; late: readonly string[] };
  /** The last event of this deployment: none, or `buried` where too many messages of others came after it. */
  event: Published | 'none' | 'buried';
};

/**
 * The relay's place: `event` was published, as everything before it, and `last` is the stream's last sequence. `alone`: since the
 * stream was looked at, its sequence has gone on, so whatever an earlier leader may still send is refused.
 */
export type ResumePoint = Pick<StreamState, 'created' | 'last'> & { position: number; event: Published | null; alone: boolean };

/** A message that the stream held when all was well. */
export type LastGood = { created: number; seq: number };

/**
 * Where to go on: after the last event that the stream holds. From the start of the log where it holds none, or nothing that
 * is as old as what is known: it was purged, or made anew. Where its own limits took the events away, or others' messages
 * hide them, the checkpoint says.
 */
export const resumePointOf = (
  { created, first, last, losses, event }: StreamState,
  checkpoint: Checkpoint,
  lastGood: LastGood | null,
): ResumePoint => {
  const limited = losses.unread.length + losses.late.length > 0;
  const after = (position: number, event: Published | null): ResumePoint => ({ created, last, position, event, alone: false });
  const purged = !limited && lastGood?.created === created && first > lastGood.seq;
  if (purged) return after(0, null);
  if (typeof event === 'object') return after(event.position, event);
  const expired = limited && created === checkpoint.created && last >= checkpoint.position;
  return after(expired || event === 'buried' ? checkpoint.position : 0, null);
};
