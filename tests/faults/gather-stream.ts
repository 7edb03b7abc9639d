import { setTimeout as sleep } from 'node:timers/promises';
import { AckPolicy, type JsMsg, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection, nanos } from '@nats-io/transport-node';
import type { Random } from '../fixtures/seeded.ts';
import { until } from '../fixtures/until.ts';
import type { Delivered, Evidence } from './evidence.ts';

/** NATS_STREAM, unless it is said. */
export const STREAM = 'lumin-events';

export const connectTo = (url: string): Promise<NatsConnection> =>
  connect({ servers: new URL(url).host, maxReconnectAttempts: -1, reconnectTimeWait: 50, waitOnFirstConnect: true });

/** The part of a CloudEvent that a run is judged by. */
export const deliveredIn = ({ id, subject, type, position, version }: Delivered): Delivered => ({ id, subject, type, position, version });

/** Strangers in a test mark what they write, and nobody but the test looks at the mark. */
export const STRANGER = 'Test-Stranger';

/** All that a stream holds, read as another team would, but for what strangers wrote. */
export const readStream = async (url: string): Promise<NonNullable<Evidence['published']>> => {
  const connection = await connectTo(url);
  try {
    const { streams } = await jetstreamManager(connection, { timeout: 10_000 });
    const { state } = await streams.info(STREAM);
    const found: { sequence: number; id: string; body: Delivered }[] = [];
    if (state.messages === 0) return found;
    const consumer = await jetstream(connection).consumers.get(STREAM);
    for await (const message of await consumer.consume()) {
      const id = message.headers?.get('Nats-Msg-Id') ?? '';
      if (!message.headers?.has(STRANGER)) found.push({ sequence: message.seq, id, body: deliveredIn(message.json<Delivered>()) });
      if (message.seq >= state.last_seq) break;
    }
    return found;
  } finally {
    await connection.close();
  }
};

/**
 * Another team's consumer, with what may befall one: it dies before it acknowledges, and gets events again; it refuses some, and
 * gets them late. It keeps the version of every user, and takes an event only where it is the next one.
 */
export const startConsumer = (url: string, random: Random) => {
  const versions = new Map<string, number>();
  let stopping = false;

  const take = (message: JsMsg): void => {
    if (message.headers?.has(STRANGER)) return message.ack();
    const { subject, version } = message.json<Delivered>();
    const next = (versions.get(subject) ?? 0) + 1;
    if (version > next || random.below(20) === 0) return message.nak(random.below(100));
    if (version === next) versions.set(subject, version);
    if (random.below(20) === 0) message.nak();
    else message.ack();
  };

  const consume = async (connection: NatsConnection): Promise<void> => {
    const { consumers } = await jetstreamManager(connection);
    await consumers.add(STREAM, { durable_name: 'another-team', ack_policy: AckPolicy.Explicit, ack_wait: nanos(2_000) });
    const consumer = await jetstream(connection).consumers.get(STREAM, 'another-team');
    while (!stopping) for await (const message of await consumer.fetch({ max_messages: 100, expires: 1_000 })) take(message);
  };

  const running = (async () => {
    const connection = await connectTo(url);
    while (!stopping) await consume(connection).catch(() => sleep(100));
    await connection.close();
  })();

  return {
    /** The versions that it has in the end: once it has had everything in the log, or a while after it should have. */
    stop: async (log: Evidence['log']): Promise<Evidence['cached']> => {
      const versionOf = (userId: string): number => versions.get(userId) ?? 0;
      await until('the consumer has everything', () =>
        log.every(({ stream, version }) => versionOf(stream.slice('user-'.length)) >= version),
      ).catch(() => {});
      stopping = true;
      await running;
      const users = new Set(log.map(({ stream }) => stream.slice('user-'.length)));
      return [...users].map((user_id) => ({ where: 'a consumer of the stream', user_id, version: versionOf(user_id) }));
    },
  };
};
