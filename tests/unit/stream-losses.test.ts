import { DiscardPolicy, RetentionPolicy } from '@nats-io/jetstream';
import { expect, it } from 'vitest';
import { streamLosses } from '../../src/infrastructure/messaging/stream-losses.ts';

/** As the service makes it. */
const ours = {
  ...{ retention: RetentionPolicy.Limits, discard: DiscardPolicy.New, discard_new_per_subject: false },
  ...{ max_age: 0, max_msgs: -1, max_bytes: -1, max_msgs_per_subject: -1 },
};
const dropsOldest = { discard: DiscardPolicy.Old };

it.each<[string, object, string[], string[]]>([
  ['as it is made', {}, [], []],
  ['of interest', { retention: RetentionPolicy.Interest }, ['retention: interest'], []],
  ['that is a work queue', { retention: RetentionPolicy.Workqueue }, ['retention: workqueue'], []],
  ['with so many messages of a subject', { max_msgs_per_subject: 1 }, ['max_msgs_per_subject'], []],
  ['that refuses more of a subject', { max_msgs_per_subject: 1, discard_new_per_subject: true }, [], []],
  ['that is full and refuses', { max_msgs: 10, max_bytes: 10 }, [], []],
  [
    'that is full and drops',
    { ...dropsOldest, max_msgs: 10, max_bytes: 1 },
    [],
    ['max_msgs with discard: old', 'max_bytes with discard: old'],
  ],
  ['without bounds that would drop', dropsOldest, [], []],
  ['that drops what is old', { max_age: 1 }, [], ['max_age']],
])('a stream %s', (_, config, unread, late) => expect(streamLosses({ ...ours, ...config } as never)).toEqual({ unread, late }));
