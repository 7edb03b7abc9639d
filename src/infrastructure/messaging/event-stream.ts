import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type PubAck,
  RetentionPolicy,
  StorageType,
  type StreamInfo,
} from '@nats-io/jetstream';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { cloudEvent } from '../../application/feed/cloud-event.ts';
import type { PublicEvent } from '../../application/feed/event-feed.ts';
import type { AuthenticationCode } from '../authentication-code.ts';
import { ensuredStream } from '../connections/ensured-stream.ts';
import { CODE_HEADER } from '../connections/nats.ts';
import type { Tracing } from '../observability/tracing.ts';
import { DEPLOYMENT_HEADER, ownEvents } from './own-events.ts';
import type { Published, ResumePoint, StreamState } from './relay-position.ts';
import { streamLosses } from './stream-losses.ts';

const TIMEOUT_MS = 2_000;
/** The fence keeps the stream free of doubles; a longer memory of ids would only hold up refilling a purged stream. */
const DUPLICATE_WINDOW_NS = 1_000_000_000;
/** While others write to the stream, so many events are sent before it is clear whether the first is taken. */
const AMONG_OTHERS = 16;
/** Messages that one look holds against our code, the newest ones. */
const JUDGED = 256;
const JUDGED_AT_ONCE = 16;

type Options = {
  /** The stream. */
  name: string;
  prefix: string;
  /** Names the database whose events these are. */
  deployment: string;
  code: AuthenticationCode;
  tracing?: Tracing | null;
  /** A message under our subjects is not ours. */
  onForeign?: () => void;
};

/** The server took an event for one that it holds, and it does not: it remembers ids of what was purged, or what a stranger gave them to. */
export class StaleMessageId extends Error {}

/** The stream has messages, and none can be read. */
export class UnreadableStream extends Error {}

/** Up to where it is known to be published, and whether it has an event. */
type Log = { upTo: number; agrees: (event: Published) => Promise<boolean> };

type Publishing = {
  /** Asked before events are sent again behind what others wrote. */
  mayGoOn: () => boolean;
  /** Ids of their own for the server's memory, where somebody else has used the ids of the events. */
  renamed: boolean;
};

/** The JetStream side of the relay. Other deployments, with other prefixes, may share the stream; what strangers write there is passed over. */
export const eventStream = ({ name, prefix, deployment, code, tracing = null, onForeign = () => {} }: Options) => {
  const subjects = `${prefix}.users.>`;
  const own = ownEvents(`${prefix}.users.`, deployment, code);
  /** Sequences of others that were not held against our code yet, and the last one that was. */
  let unjudged: [from: number, to: number][] = [];
  let judged = 0;
  /** The last event that was seen to be there. */
  let seen = 0;

  const ensured = ensuredStream({
    name,
    subjects: [subjects],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    num_replicas: 1,
    duplicate_window: DUPLICATE_WINDOW_NS,
  });

  const manage = (connection: NatsConnection): Promise<JetStreamManager> =>
    jetstreamManager(connection, { checkAPI: false, timeout: TIMEOUT_MS });

  const isThere = async ({ streams }: JetStreamManager, { seq, position }: Published): Promise<boolean> => {
    const message = await streams.getMessage(name, { seq });
    return message !== null && own.read(message)?.position === position;
  };

  /** Counts strangers among what others have written, the newest first. */
  const judge = async ({ streams }: JetStreamManager, upTo: number): Promise<void> => {
    const seqs: number[] = [];
    for (const [from, to] of unjudged.reverse()) for (let seq = to; seq >= from && seqs.length < JUDGED; seq--) seqs.push(seq);
    unjudged = [];
    for (let done = 0; done < seqs.length; done += JUDGED_AT_ONCE) {
      const some = seqs.slice(done, done + JUDGED_AT_ONCE);
      for (const message of await Promise.all(some.map((seq) => streams.getMessage(name, { seq })))) {
        if (!message?.subject.startsWith(`${prefix}.users.`) || own.read(message) !== null) continue;
        if ((own.readUncoded(message)?.position ?? Number.POSITIVE_INFINITY) > upTo) onForeign();
      }
    }
  };

  const lastEvent = async (
    { streams }: JetStreamManager,
    { messages, first_seq }: StreamInfo['state'],
    log: Log,
  ): Promise<StreamState['event']> => {
    const latest = await streams.getMessage(name, { last_by_subj: subjects });
    if (latest !== null)
      return own.last(
        (seq) => (seq === latest.seq ? Promise.resolve(latest) : streams.getMessage(name, { seq })),
        { from: first_seq, to: latest.seq },
        log,
      );
    if (messages > 0 && (await streams.getMessage(name, { last_by_subj: '>' })) === null) throw new UnreadableStream();
    return 'none';
  };

  /** All at once. Each is only taken right after the one before, the first one right after `last`. @returns what was taken, from the first on */
  const send = async (connection: NatsConnection, events: readonly PublicEvent[], last: number, renamed: boolean) => {
    const client = jetstream(connection, { timeout: TIMEOUT_MS });
    const bodies = events.map(cloudEvent);
    const ids = bodies.map(({ id }) => (renamed ? `${id}~${last}` : id));
    const acks = await Promise.allSettled(
      bodies.map((body, index) => {
        const { type } = events[index] as PublicEvent;
        const publish = async (traceparent?: string): Promise<PubAck> => {
          const subject = subjectOf(prefix, body.subject, type);
          const text = JSON.stringify(body);
          const sent = headers();
          sent.set('content-type', 'application/cloudevents+json');
          sent.set(DEPLOYMENT_HEADER, deployment);
          sent.set(CODE_HEADER, own.codeOf(last + index + 1, last + 1, subject, text));
          if (traceparent !== undefined) sent.set('traceparent', traceparent);
          const before = ids[index - 1];
          return client.publish(subject, text, {
            msgID: ids[index] as string,
            headers: sent,
            expect: { streamName: name, lastSequence: last + index, ...(before !== undefined && { lastMsgID: before }) },
          });
        };
        if (tracing === null || body.traceparent === undefined) return publish(body.traceparent);
        return tracing.publish(`${prefix}.users.*.${type}`, body.traceparent, publish);
      }),
    );
    const wrong = acks.findIndex((ack, index) => ack.status === 'rejected' || ack.value.duplicate || ack.value.seq !== last + index + 1);
    const taken = wrong < 0 ? bodies.length : wrong;
    const ack = acks[taken];
    const refusal: unknown = ack === undefined ? null : ack.status === 'rejected' ? ack.reason : new StaleMessageId();
    const { id, time, position } = bodies[taken - 1] ?? {};
    const event = id === undefined ? null : { id, time: time as string, position: Number(position), seq: last + taken };
    return { taken, event, refusal };
  };

  /**
   * Behind what others have written. Only if what was taken is there; and, before anything was, if the message in the way is a
   * stranger's, because an earlier leader's would be followed by more. @throws the refusal where the stream has to be looked at
   */
  const behindOthers = async (connection: NatsConnection, point: ResumePoint, refusal: unknown): Promise<ResumePoint> => {
    if (!(refusal instanceof JetStreamApiError && FENCE.has(refusal.code))) throw refusal;
    const manager = await manage(connection);
    if (point.alone) {
      if (point.event !== null && point.event.seq !== seen && !(await isThere(manager, point.event))) throw refusal;
      seen = point.event?.seq ?? seen;
    } else {
      const inTheWay = await manager.streams.getMessage(name, { seq: point.last + 1 });
      if (inTheWay === null || own.read(inTheWay) !== null) throw refusal;
    }
    const [, said] = /^wrong last sequence: (\d+)$/.exec(refusal.message) ?? [];
    const last = said === undefined ? (await manager.streams.info(name)).state.last_seq : Number(said);
    // The stream went back.
    if (last < point.last) throw refusal;
    if (unjudged.length < JUDGED) unjudged.push([point.last + 1, last]);
    return { ...point, last, alone: true };
  };

  return {
    /**
     * What the stream holds; it is made where it is missing, and where it has gone a moment later. `known`: the relay's place, where
     * it has one. `agrees`: whether the log has this event. An event from before there were codes counts up to the checkpoint.
     */
    async look(connection: NatsConnection, { known, upTo, agrees }: Log & { known: ResumePoint | null }): Promise<StreamState> {
      const manager = await manage(connection);
      // The last sequence comes first: what is published meanwhile is refused by the fence, and looked at the next time.
      const { config, state, created } = await ensured(manager);
      const limits = { created: Date.parse(created), first: state.first_seq, last: state.last_seq };
      const isCurrent = known?.event != null && known.created === limits.created && known.last <= limits.last;
      const kept = isCurrent && (await isThere(manager, known.event as Published)) ? known : null;
      if (limits.last < judged) judged = 0;
      if (kept === null) unjudged = [[Math.max(1, limits.first, judged + 1), limits.last]];
      else unjudged.push([kept.last + 1, limits.last]);
      judged = limits.last;
      // What an earlier release has published is no stranger's, as long as this process has published nothing.
      await judge(manager, kept === null ? upTo : 0);
      return {
        ...limits,
        losses: streamLosses(config),
        event: kept?.event ?? (await lastEvent(manager, state, { upTo, agrees })),
      };
    },

    /**
     * Publishes the events in order, so that what fails leaves no hole, and what a late leader sends is refused.
     * @returns how far it came: to the end, unless it may not go on
     * @throws an error of the client or the server, StaleMessageId; some of the first events may be published then
     */
    async publish(
      connection: NatsConnection,
      events: readonly PublicEvent[],
      point: ResumePoint,
      { mayGoOn, renamed }: Publishing,
    ): Promise<ResumePoint> {
      let reached = point;
      let rest = events;
      for (let size = events.length; rest.length > 0; ) {
        const { taken, event, refusal } = await send(connection, rest.slice(0, size), reached.last, renamed);
        if (event !== null) reached = { ...reached, last: event.seq, position: event.position, event, alone: true };
        rest = rest.slice(taken);
        size *= 2;
        if (refusal === null) continue;
        reached = await behindOthers(connection, reached, refusal);
        if (!mayGoOn()) break;
        size = Math.max(AMONG_OTHERS, taken * 2);
      }
      return reached;
    },

    /** Lets the server forget the ids of what is no longer there. */
    async forget(connection: NatsConnection): Promise<void> {
      const { streams } = await manage(connection);
      const { config } = await streams.info(name);
      if (config.duplicate_window > DUPLICATE_WINDOW_NS) await streams.update(name, { duplicate_window: DUPLICATE_WINDOW_NS });
    },
  };
};

const WRONG_LAST_ID = 10070;

/** How the stream refuses what does not come right after what was expected. */
export const FENCE: ReadonlySet<number> = new Set([
  WRONG_LAST_ID,
  JetStreamApiCodes.StreamWrongLastSequence,
  JetStreamApiCodes.StreamWrongLastSequenceUnknown,
]);

const NOBODY = '00000000-0000-0000-0000-000000000000';

/** Nothing that a user typed gets into a subject; an event of no user, as in a damaged log, goes under nobody's. */
export const subjectOf = (prefix: string, userId: string | null, type: string): string =>
  `${prefix}.users.${/^[0-9a-f-]{36}$/.test(userId ?? '') ? userId : NOBODY}.${type.replace(/\W/g, '_') || '_'}`;
