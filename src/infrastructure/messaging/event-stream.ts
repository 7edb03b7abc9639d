import {
  DiscardPolicy,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type PubAck,
  RetentionPolicy,
  StorageType,
  type StoredMsg,
} from '@nats-io/jetstream';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { cloudEvent } from '../../application/feed/cloud-event.ts';
import type { PublicEvent } from '../../application/feed/event-feed.ts';
import { ensuredStream } from '../connections/ensured-stream.ts';
import type { Tracing } from '../observability/tracing.ts';
import type { Published, ResumePoint, StreamState } from './relay-position.ts';

const TIMEOUT_MS = 2_000;
/** The fence keeps the stream free of doubles; a longer memory of ids would only hold up refilling a purged stream. */
const DUPLICATE_WINDOW_NS = 1_000_000_000;
const LOOK_BACK = 1_000;
const DEPLOYMENT = 'Lumin-Deployment';

type Options = {
  /** The stream. */
  name: string;
  prefix: string;
  /** Names the database whose events these are. */
  deployment: string;
  tracing?: Tracing | null;
};

/** The server took an event for one that it holds, and it does not: it remembers ids of what was purged. */
export class StaleMessageId extends Error {}

/** The JetStream side of the relay. Other deployments, with other prefixes, may share the stream. */
export const eventStream = ({ name, prefix, deployment, tracing = null }: Options) => {
  const subjects = `${prefix}.users.>`;

  const ensured = ensuredStream({
    name,
    subjects: [subjects],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    num_replicas: 1,
    duplicate_window: DUPLICATE_WINDOW_NS,
  });

  const publishedBy = (message: StoredMsg): Published | null => {
    if (!message.subject.startsWith(`${prefix}.users.`) || message.header?.get(DEPLOYMENT) !== deployment) return null;
    const { position, id, time } = message.json<ReturnType<typeof cloudEvent>>();
    return { position: Number(position), id, time };
  };

  /** Looks back over what other deployments published under our subjects. */
  const lastEvent = async ({ streams }: JetStreamManager, first: number): Promise<StreamState['event']> => {
    const latest = await streams.getMessage(name, { last_by_subj: subjects });
    if (latest === null) return 'none';
    for (let seq = latest.seq; seq >= first; seq--) {
      if (latest.seq - seq > LOOK_BACK) return 'buried';
      const message = seq === latest.seq ? latest : await streams.getMessage(name, { seq });
      const published = message && publishedBy(message);
      if (published) return published;
    }
    return 'none';
  };

  return {
    /** What the stream holds; it is made where it is missing, and where it has gone a moment later. */
    async look(connection: NatsConnection): Promise<StreamState> {
      const manager = await jetstreamManager(connection, { checkAPI: false, timeout: TIMEOUT_MS });
      // The last sequence comes first: what is published meanwhile is refused by the fence, and looked at the next time.
      const { config, state, created } = await ensured(manager);
      return {
        created: Date.parse(created),
        first: state.first_seq,
        last: state.last_seq,
        limited:
          config.max_age > 0 ||
          config.retention !== RetentionPolicy.Limits ||
          (config.discard === DiscardPolicy.Old && (config.max_msgs > 0 || config.max_bytes > 0)),
        event: await lastEvent(manager, state.first_seq),
      };
    },

    /**
     * Publishes all at once. Each is only taken by the stream right after the one before, the first one right after the
     * sequence of `point`: so what fails leaves no hole, and what a late leader sends is refused.
     * @throws an error of the client or the server, Remembered; some of the first events may be published then
     */
    async publish(connection: NatsConnection, events: readonly PublicEvent[], point: ResumePoint): Promise<ResumePoint> {
      const client = jetstream(connection, { timeout: TIMEOUT_MS });
      const bodies = events.map(cloudEvent);
      const acks = await Promise.allSettled(
        bodies.map((body, index) => {
          const { type } = events[index] as PublicEvent;
          const send = (traceparent?: string): Promise<PubAck> => {
            const sent = headers();
            sent.set('content-type', 'application/cloudevents+json');
            sent.set(DEPLOYMENT, deployment);
            if (traceparent !== undefined) sent.set('traceparent', traceparent);
            const before = bodies[index - 1]?.id;
            return client.publish(subjectOf(prefix, body.subject, type), JSON.stringify(body), {
              msgID: body.id,
              headers: sent,
              expect: { streamName: name, lastSequence: point.last + index, ...(before !== undefined && { lastMsgID: before }) },
            });
          };
          if (tracing === null || body.traceparent === undefined) return send(body.traceparent);
          return tracing.publish(`${prefix}.users.*.${type}`, body.traceparent, send);
        }),
      );
      for (const [index, ack] of acks.entries()) {
        if (ack.status === 'rejected') throw ack.reason;
        if (ack.value.duplicate || ack.value.seq !== point.last + index + 1) throw new StaleMessageId();
      }
      const event = bodies.at(-1);
      if (event === undefined) return point;
      const position = Number(event.position);
      return { ...point, last: point.last + events.length, position, event: { position, id: event.id, time: event.time } };
    },

    /** Lets the server forget the ids of what is no longer there. */
    async forget(connection: NatsConnection): Promise<void> {
      const { streams } = await jetstreamManager(connection, { checkAPI: false, timeout: TIMEOUT_MS });
      const { config } = await streams.info(name);
      if (config.duplicate_window > DUPLICATE_WINDOW_NS) await streams.update(name, { duplicate_window: DUPLICATE_WINDOW_NS });
    },
  };
};

/** Nothing that a user typed gets into a subject. */
export const subjectOf = (prefix: string, userId: string, type: string): string => {
  if (!/^[0-9a-f-]{36}$/.test(userId) || !/^\w+$/.test(type)) throw new Error('an event has no subject');
  return `${prefix}.users.${userId}.${type}`;
};
