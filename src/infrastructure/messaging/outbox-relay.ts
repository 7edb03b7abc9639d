import { setTimeout as sleep } from 'node:timers/promises';
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import { errors, type NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import type { EventFeed, PublicEvent } from '../../application/feed/event-feed.ts';
import type { AuthenticationCode } from '../authentication-code.ts';
import { backoff } from '../concurrency/backoff.ts';
import { type OutageLog, outage, type Reason } from '../concurrency/outage.ts';
import { Poller } from '../concurrency/poller.ts';
import { strangers } from '../concurrency/strangers.ts';
import type { Nats } from '../connections/nats.ts';
import { explain } from '../explain.ts';
import { failpoint } from '../failpoint.ts';
import type { Tracing } from '../observability/tracing.ts';
import { type Database, StoreFailure } from '../persistence/database/database.ts';
import { isTold } from '../persistence/database/told-database.ts';
import { lease } from '../persistence/log/lease.ts';
import { DROPS_UNREAD, RELAY, relayCheckpoint, STREAM_AHEAD } from '../persistence/log/relay-checkpoint.ts';
import type { Place } from '../place.ts';
import { eventStream, FENCE, StaleMessageId, UnreadableStream } from './event-stream.ts';
import { type LastGood, type Published, type ResumePoint, resumePointOf, type StreamState } from './relay-position.ts';

const PAGE = 500;
const POLL_MS = 25;
/** The pause between looks for events while events come; the relay keeps to it until none has come for BUSY_MS. */
const BUSY_POLL_MS = 4;
const BUSY_MS = 250;
const SAVE_MS = 100;
/** How often the stream itself is looked at, so that a lost one is refilled though nothing new happens. */
const LOOK_MS = 2_000;
const delayMs = backoff({ first: 20, max: 2_000, share: 0.5 });
const LEASE = { seconds: 3 };
const LEASE_POLL_MS = 750;
/** Longer than the pause between two looks at the stream, so that what the relay says of it stands until it looks again. */
const SAYING = { seconds: 8 };
/** Tries after which the relay takes other ids for events whose ids somebody else has used; the server forgets an id after a second. */
const PATIENT = 6;
/** Looks in a row that fail before the relay tells that the stream cannot be read. */
const UNREAD_LOOKS = 3;

type Options = {
  feed: EventFeed;
  database: Database;
  nats: Nats;
  /** NATS_STREAM and NATS_SUBJECT_PREFIX. */
  stream: string;
  subjectPrefix: string;
  /** Names this database, the same in every process: events of another one in the stream are left alone. */
  deployment: string;
  /** The code that events in the stream carry. */
  code: AuthenticationCode;
  /** Names this process, and no other. */
  owner: string;
  tracing?: Tracing | null;
  log: OutageLog & Pick<Logger, 'info' | 'warn'>;
};

/** The stream holds events that the log does not have: this database lost some, as a standby does that lagged when it was promoted. */
class LogIsBehind extends Error {}

/**
 * Publishes the log to JetStream, in order, nothing twice and nothing left out. Any number of processes may run one; the
 * one with the lease does the work. Where to go on is what the stream holds: it is looked at from time to time, and after
 * every failure.
 */
export const outboxRelay = (options: Options) => {
  const { feed, database, nats, stream: name, subjectPrefix, deployment, code, owner, tracing = null, log } = options;
  const foreign = strangers(() => log.warn(FOREIGN));
  const stream = eventStream({ name, prefix: subjectPrefix, deployment, code, tracing, onForeign: foreign.met });
  const leadership = lease(database, RELAY, owner, LEASE);
  const checkpoint = relayCheckpoint(database, owner);
  const ahead = lease(database, STREAM_AHEAD, owner, SAYING);
  const dropping = lease(database, DROPS_UNREAD, owner, SAYING);

  /** Null where the stream has to be looked at first. */
  let resumePoint: ResumePoint | null = null;
  let lastGood: LastGood | null = null;
  let lookedAt = 0;
  let saved = { position: -1, at: 0 };
  let cameAt = Number.NEGATIVE_INFINITY;
  let failures = 0;
  let retryAt = 0;
  let led = false;
  let published = 0;
  /** Ids of events are in use by somebody else. */
  let renamed = false;
  let stopping = false;

  const trouble = outage({
    log,
    thing: 'publishing events',
    fails: 'waits',
    works: 'goes on',
    reasonOf: (error) => troubleOf(error, nats.place, database.place),
  });
  /** What the database does not answer, it tells of itself. */
  const report = (error: unknown): void => {
    if (!isTold(error)) trouble.report(error);
  };
  /** What was published ends a trouble, not a round. */
  const told = { report, over: () => {} };

  const losses = outage({
    log,
    ...{ thing: 'the stream of events', fails: 'drops what a consumer has not read', works: 'keeps everything again' },
    reasonOf: (setting) => ({ text: String(setting), next: 'docs/operations.md#lumin-stream-drops-unread' }),
  });
  let lateLosses = '';

  /** The stream is somebody else's where it is set so: the relay tells, and leaves it as it is. */
  const tellLosses = async ({ unread, late }: StreamState['losses']): Promise<void> => {
    if (late.join() !== lateLosses && late.length > 0) log.warn(`the stream of events ${LATE}: ${late.join(', ')}`);
    lateLosses = late.join();
    if (unread.length > 0) {
      losses.report(unread.join(', '));
      await dropping.acquire();
    } else {
      losses.over();
      if (dropping.held()) await dropping.release();
    }
  };

  const agrees = async (published: Published): Promise<boolean> => isIn((await feed.read(published.position - 1, 1)).events, published);

  const look = async (connection: NatsConnection): Promise<ResumePoint> => {
    const saved = await checkpoint.load();
    const seen = await stream.look(connection, { known: resumePoint, upTo: saved.position, agrees });
    await tellLosses(seen.losses);
    const found = resumePointOf(seen, saved, lastGood);
    if (found.event === null && found.position > (await feed.head())) throw new LogIsBehind();
    if (found.event !== null) lastGood = { created: found.created, seq: found.last };
    lookedAt = performance.now();
    return found;
  };

  /** The next events. The one published last is read once more with them: the log must still say the same. */
  const read = async ({ position, event }: ResumePoint): Promise<PublicEvent[]> => {
    if (event === null) return (await feed.read(position, PAGE)).events;
    const { events } = await feed.read(position - 1, PAGE + 1);
    if (!isIn(events, event)) throw new LogIsBehind();
    return events.slice(1);
  };

  const save = async ({ position, created }: ResumePoint): Promise<void> => {
    await checkpoint.save({ position, created });
    saved = { position, at: performance.now() };
    await failpoint('relay.saved');
  };

  const relay = async (connection: NatsConnection): Promise<boolean> => {
    if (resumePoint === null || performance.now() - lookedAt > LOOK_MS) resumePoint = await look(connection);
    const events = await read(resumePoint);
    await failpoint('relay.read');
    if (!leadership.held()) return false;
    if (events.length > 0) {
      const reached = await stream.publish(connection, events, resumePoint, { mayGoOn: () => leadership.held() && !stopping, renamed });
      published += events.filter(({ position }) => position <= reached.position).length;
      if (resumePoint.event === null) lastGood = { created: resumePoint.created, seq: resumePoint.last + 1 };
      resumePoint = reached;
      await failpoint('relay.published');
    }
    if (saved.position !== resumePoint.position && (events.length === 0 || performance.now() - saved.at > SAVE_MS)) await save(resumePoint);
    if (events.length > 0) cameAt = performance.now();
    const busy = performance.now() - cameAt < BUSY_MS;
    if (busy && events.length === 0) await sleep(BUSY_POLL_MS);
    return busy;
  };

  const round = async (): Promise<boolean> => {
    const connection = nats.connection();
    if (connection === null || !leadership.held()) {
      resumePoint = lastGood = null;
      led = false;
      return false;
    }
    if (!led) log.info('this process publishes events');
    led = true;
    if (performance.now() < retryAt) return false;
    try {
      const more = await relay(connection);
      trouble.over();
      if (ahead.held()) await ahead.release();
      failures = 0;
      return more;
    } catch (error) {
      if (!(error instanceof UnreadableStream) || failures + 1 >= UNREAD_LOOKS) report(error);
      resumePoint = null;
      if (error instanceof LogIsBehind) await ahead.acquire().catch(() => {});
      renamed ||= error instanceof StaleMessageId && failures > PATIENT;
      retryAt = performance.now() + delayMs(failures++);
      if (error instanceof StaleMessageId && failures > 1) await stream.forget(connection).catch(() => {});
      return false;
    }
  };

  const publishing = new Poller(round, POLL_MS, told);
  // A process that cannot reach NATS leaves the lease to one that can.
  const leading = new Poller(
    async () => {
      if (nats.connection() !== null) await leadership.acquire();
      else if (leadership.held()) await leadership.release();
      // Another process leads, or none can reach NATS. Where the database refuses the lease, that goes on and is told.
      if (!leadership.held()) {
        trouble.forget();
        losses.forget();
      }
      return false;
    },
    LEASE_POLL_MS,
    told,
  );

  return {
    start(): void {
      leading.start();
      publishing.start();
      nats.onConnect(leading.wake);
    },

    /** Finishes the page under way and lets another process lead at once. */
    async stop(): Promise<void> {
      stopping = true;
      await Promise.all([publishing.stop(), leading.stop()]);
      trouble.forget();
      losses.forget();
      if (!leadership.held()) return;
      try {
        if (resumePoint !== null) await save(resumePoint);
        await leadership.release();
      } catch (error) {
        trouble.report(error);
      }
    },

    /** How many messages in the stream were not ours, since the start. */
    foreign: foreign.count,

    /** `published`: how many events, since the start. `streamAhead`: whether it stands still because the log has lost events. */
    status: () => {
      const leading = leadership.held();
      const reason = trouble.reason()?.text ?? null;
      const streamAhead = leading && reason === AHEAD_OF_LOG;
      return { leading, position: resumePoint?.position ?? null, trouble: reason, published, streamAhead };
    },
  };
};

export type OutboxRelay = ReturnType<typeof outboxRelay>;

// Of JetStream: no room in the stream, the account or on the disk; subjects of another stream.
const FULL = new Set([10023, 10047, 10077]);
const OVERLAP = 10065;

const FOREIGN =
  'messages that do not carry the code of this deployment are in the stream of events; they are passed over, and counted in ' +
  'lumin_foreign_messages_total: somebody else writes there, or a relay of an earlier release';

const LATE = 'drops what a consumer that is away for long has not read; give it no such limit where none may miss an event';

const isIn = ([event]: readonly PublicEvent[], { position, id, time }: Published): boolean =>
  event?.position === position && `${event.stream}:${event.version}` === id && event.at === time;

const AHEAD_OF_LOG = 'the stream holds events that are not in the log; this database has lost some';

const troubleOf = (error: unknown, nats: Place, database: Place): Reason => {
  if (error instanceof StoreFailure) return explain(error, database);
  if (error instanceof Error && error.name === 'JetStreamNotEnabled') return explain(error, nats);
  const alone = error instanceof LogIsBehind || error instanceof errors.InvalidArgumentError;
  const text = inWords(error);
  const next = `docs/operations.md#${error instanceof LogIsBehind ? 'the-stream-is-ahead-of-the-log' : 'lumin-relay-lagging'}`;
  return { text, next, level: alone ? 'error' : 'warn', unsure: text === SILENT };
};

const SILENT = 'NATS does not answer';

/** The same text for the same situation. */
const inWords = (error: unknown): string => {
  if (error instanceof LogIsBehind) return AHEAD_OF_LOG;
  if (error instanceof UnreadableStream)
    return 'NATS counts messages of the stream and cannot read them; delete the stream, and it is filled again';
  if (error instanceof StaleMessageId) return 'the server takes events for known that are no longer in the stream';
  if (error instanceof errors.InvalidArgumentError) return 'an event is larger than NATS takes';
  if (!(error instanceof JetStreamApiError)) return SILENT;
  if (error.code === JetStreamApiCodes.StreamNotFound) return 'the stream is gone; it is made again in a moment';
  if (FULL.has(error.code)) return 'the stream is full';
  if (FENCE.has(error.code)) return 'another process publishes to the stream';
  if (error.code === OVERLAP) return 'another stream has these subjects';
  return `NATS refuses (${error.code})`;
};
