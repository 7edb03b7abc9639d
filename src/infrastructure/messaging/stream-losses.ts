import { DiscardPolicy, RetentionPolicy, type StreamConfig } from '@nats-io/jetstream';

type Limits = Pick<
  StreamConfig,
  'retention' | 'discard' | 'discard_new_per_subject' | 'max_age' | 'max_msgs' | 'max_bytes' | 'max_msgs_per_subject'
>;

/**
 * By which settings a stream takes events away that a consumer has not read. `unread`: while it reads, or has not come yet.
 * `late`: from one that is away for longer than the stream holds. One that is full and refuses new messages loses none.
 */
export const streamLosses = (config: Limits): { unread: string[]; late: string[] } => {
  const { retention, discard, max_age, max_msgs, max_bytes, max_msgs_per_subject, discard_new_per_subject } = config;
  const dropsOldest = discard === DiscardPolicy.Old;
  const settings = (found: Record<string, boolean>): string[] => Object.keys(found).filter((setting) => found[setting]);
  return {
    unread: settings({
      [`retention: ${retention}`]: retention !== RetentionPolicy.Limits,
      max_msgs_per_subject: max_msgs_per_subject > 0 && !discard_new_per_subject,
    }),
    late: settings({
      max_age: max_age > 0,
      'max_msgs with discard: old': dropsOldest && max_msgs > 0,
      'max_bytes with discard: old': dropsOldest && max_bytes > 0,
    }),
  };
};
