import { setTimeout as sleep } from 'node:timers/promises';
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import { errors, type NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import type { EventFeed, PublicEvent } from '../../application/feed/event-feed.ts';
import { backoff } from '../concurrency/backoff.ts';
import { outage } from '../concurrency/outage.ts';
import { Poller } from '../concurrency/poller.ts';
import type { Nats } from '../connections/nats.ts';
import { failpoint } from '../failpoint.ts';
import type { Tracing } from '../observability/tracing.ts';
import { type Database, StoreFailure } from '../persistence/database/database.ts';
import { lease } from '../persistence/log/lease.ts';
import { RELAY, relayCheckpoint } from '../persistence/log/relay-checkpoint.ts';
import { eventStream, StaleMessageId } from './event-stream.ts';
import { type LastGood, type ResumePoint, resumePointOf } from './relay-position.ts';

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

type Options = {
  feed: EventFeed;
  database: Database;
  nats: Nats;
  /** NATS_STREAM and NATS_SUBJECT_PREFIX. */
  stream: string;
  subjectPrefix: string;
  /** Names this database, the same in every process: events of another one in the stream are left alone. */
  deployment: string;
  /** Names this process, and no other. */
  owner: string;
  tracing?: Tracing | null;
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
};

/** The stream holds events that the log does not have: this database lost some, as a standby does that lagged when it was promoted. */
class LogIsBehind extends Error {}

/**
 * Publishes the log to JetStream, in order, nothing twice and nothing left out. Any number of processes may run one; the
 * one with the lease does the work. Where to go on is what the stream holds: it is looked at from time to time, and after
 * every failure.
 */
export const outboxRelay = ({ feed, database, nats, stream: name, subjectPrefix, deployment, owner, tracing = null, log }: Options) => {
  const stream = eventStream({ name, prefix: subjectPrefix, deployment, tracing });
  const leadership = lease(database, RELAY, owner, LEASE);
  const checkpoint = relayCheckpoint(database, owner);

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

  const trouble = outage((error, reason) => {
    const level = error instanceof LogIsBehind || error instanceof errors.InvalidArgumentError ? 'error' : 'warn';
    log[level]({ err: error, position: resumePoint?.position }, `publishing events waits: ${reason}`);
  }, troubleOf);

  const look = async (connection: NatsConnection): Promise<ResumePoint> => {
    const seen = await stream.look(connection);
    const found = resumePointOf(seen, await checkpoint.load(), lastGood);
    if (found.event === null && found.position > (await feed.head())) throw new LogIsBehind();
    if (found.event !== null) lastGood = { created: found.created, seq: found.last };
    lookedAt = performance.now();
    return found;
  };

  /** The next events. The one published last is read once more with them: the log must still say the same. */
  const read = async ({ position, event }: ResumePoint): Promise<PublicEvent[]> => {
    if (event === null) return feed.read(position, PAGE);
    const [before, ...events] = await feed.read(position - 1, PAGE + 1);
    if (before?.position !== position || `${before.stream}:${before.version}` !== event.id || before.at !== event.time)
      throw new LogIsBehind();
    return events;
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
      const reached = await stream.publish(connection, events, resumePoint);
      published += events.length;
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
      if (trouble.over()) log.info({ position: resumePoint?.position }, 'publishing events goes on');
      failures = 0;
      return more;
    } catch (error) {
      trouble.report(error);
      resumePoint = null;
      retryAt = performance.now() + delayMs(failures++);
      if (error instanceof StaleMessageId && failures > 1) await stream.forget(connection).catch(() => {});
      return false;
    }
  };

  const publishing = new Poller(round, POLL_MS, trouble.report);
  // A process that cannot reach NATS leaves the lease to one that can.
  const leading = new Poller(
    async () => {
      if (nats.connection() !== null) await leadership.acquire();
      else if (leadership.held()) await leadership.release();
      return false;
    },
    LEASE_POLL_MS,
    trouble.report,
  );

  return {
    start(): void {
      leading.start();
      publishing.start();
      nats.onConnect(leading.wake);
    },

    /** Finishes the page under way and lets another process lead at once. */
    async stop(): Promise<void> {
      await Promise.all([publishing.stop(), leading.stop()]);
      if (!leadership.held()) return;
      try {
        if (resumePoint !== null) await save(resumePoint);
        await leadership.release();
      } catch (error) {
        trouble.report(error);
      }
    },

    /** `published`: how many events, since the start. `streamAhead`: whether it stands still because the log has lost events. */
    status: () => {
      const leading = leadership.held();
      const reason = trouble.reason();
      const streamAhead = leading && reason === STREAM_AHEAD;
      return { leading, position: resumePoint?.position ?? null, trouble: reason, published, streamAhead };
    },
  };
};

export type OutboxRelay = ReturnType<typeof outboxRelay>;

// Of JetStream: no room in the stream, the account or on the disk; subjects of another stream.
const FULL = new Set([10023, 10047, 10077]);
const OVERLAP = 10065;
const FENCE = new Set([10070, 10071]);

const STREAM_AHEAD = 'the stream holds events that are not in the log; this database has lost some';

/** The trouble in words for people: the same text for the same situation. */
const troubleOf = (error: unknown): string => {
  if (error instanceof LogIsBehind) return STREAM_AHEAD;
  if (error instanceof StoreFailure) return 'the database cannot be read';
  if (error instanceof StaleMessageId) return 'the server takes events for known that are no longer in the stream';
  if (error instanceof Error && error.name === 'JetStreamNotEnabled') return 'there is no such stream, or no JetStream';
  if (error instanceof errors.InvalidArgumentError) return 'an event is larger than NATS takes';
  if (!(error instanceof JetStreamApiError)) return 'NATS does not answer';
  if (error.code === JetStreamApiCodes.StreamNotFound) return 'the stream is gone; it is made again in a moment';
  if (FULL.has(error.code)) return 'the stream is full';
  if (FENCE.has(error.code)) return 'another process publishes to the stream';
  if (error.code === OVERLAP) return 'another stream has these subjects';
  return `NATS refuses (${error.code})`;
};
