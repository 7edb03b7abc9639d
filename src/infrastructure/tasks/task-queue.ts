import { setTimeout as sleep } from 'node:timers/promises';
import {
  AckPolicy,
  type ConsumerMessages,
  type JsMsg,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import { headers, type NatsConnection, nanos } from '@nats-io/transport-node';
import type { ClaimedTask, StoredProblem, TaskRef } from '../../application/tasks/task.ts';
import { UserId } from '../../domain/value-objects/user-id.ts';
import type { AuthenticationCode } from '../authentication-code.ts';
import type { Outage } from '../concurrency/outage.ts';
import { strangers } from '../concurrency/strangers.ts';
import { ensuredStream } from '../connections/ensured-stream.ts';
import { CODE_HEADER, headerIn, type Nats } from '../connections/nats.ts';
import type { Tracing } from '../observability/tracing.ts';

const TIMEOUT_MS = 2_000;
const RETRY_MS = 500;
const AGAIN_MS = 1_000;
const KEPT_MS = 7 * 24 * 3_600_000;
const ACK_WAIT_MS = 20_000;
/** How long one request for messages stands; a server that went silent is noticed within it. */
const FETCH_MS = 5_000;
const FLUSH_MS = 1_000;
const AT_ONCE = 64;
const MAX_UNSENT = 10_000;
/** Looks in a row that find the stream counting calls and handing out none, before the queue tells of it. */
const UNREAD_LOOKS = 3;
/** A call is shorter; the queue removes what is longer. */
const MAX_BYTES = 4_096;

type Options = {
  nats: Nats;
  /** The stream. Other deployments, with other prefixes, may share it. */
  stream: string;
  subjectPrefix: string;
  code: AuthenticationCode;
  tracing?: Tracing | null;
  away: Pick<Outage, 'report' | 'over'>;
  /** Tells an operator. */
  warn: (text: string) => void;
};

/** Works on the tasks of a user, and says whether none is left that is due. */
type Work = (userId: UserId) => Promise<boolean>;

export type TaskQueue = {
  /** Calls a worker to a task that was accepted; it need not arrive. False where NATS is away and nothing was sent. */
  offer: (task: TaskRef) => boolean;
  /** Hands calls to `work` from now on, those of up to 64 users at once. */
  consume: (work: Work) => void;
  /** Whether calls reach this process now. */
  consuming: () => boolean;
  /** Leaves a dead letter for a task that was given up; kept until NATS takes it. */
  dead: (task: ClaimedTask, problem: Pick<StoredProblem, 'code'>) => void;
  /** How many messages of others were removed. */
  foreign: () => number;
  /** Takes no more calls, and gives back those that were not followed to their end. */
  stop: () => Promise<void>;
};

/**
 * Tasks over JetStream. A message calls a worker to the tasks of one user; the table of tasks is the truth, so a message that
 * is lost costs only time, and one that comes twice nothing. Messages hold ids, and no part of a task's input. Calls that do not
 * carry this deployment's code are removed and lead nowhere.
 *
 * Subjects: `<prefix>.tasks.run.<command>` for calls, which workers share and which are gone when acknowledged;
 * `<prefix>.tasks.dead.<command>` for dead letters, which stay for 7 days or until an operator takes them.
 */
export const taskQueue = ({ nats, stream, subjectPrefix, code, tracing = null, away, warn }: Options): TaskQueue => {
  const subjects = `${subjectPrefix}.tasks.>`;
  const subjectOf = (kind: 'run' | 'dead', command: string) => `${subjectPrefix}.tasks.${kind}.${command.replace(/\W/g, '_')}`;
  /** Nobody can guess it, and use it before. */
  const letterId = (taskId: string): string => code.of('dead letter', taskId);
  const durable = `${subjectPrefix}-workers`;
  const inHand = new Set<Promise<void>>();
  const unsent: { subject: string; body: object; msgID: string }[] = [];
  let fetching: ConsumerMessages | null = null;
  let consuming = false;
  let stopped = false;
  let mending = false;
  let sending = false;
  let retention: RetentionPolicy | null = null;

  const foreign = strangers(() => warn(FOREIGN));
  const failed = (error: unknown): void => {
    if (!stopped) away.report(error);
  };

  const ensured = ensuredStream({
    name: stream,
    subjects: [subjects],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    max_age: nanos(KEPT_MS),
  });
  const ensureStream = async (connection: NatsConnection): Promise<void> => {
    const { config } = await ensured(await jetstreamManager(connection, { checkAPI: false, timeout: TIMEOUT_MS }));
    if (config.retention !== retention && config.retention !== RetentionPolicy.Workqueue)
      warn(`${NO_QUEUE} (retention: ${config.retention})`);
    retention = config.retention;
  };

  const publish = async (connection: NatsConnection, subject: string, body: object, msgID?: string): Promise<boolean> => {
    const send = (traceparent?: string): Promise<unknown> => {
      const text = JSON.stringify(body);
      const sent = headers();
      sent.set(CODE_HEADER, code.of(subject, text));
      if (traceparent) sent.set('traceparent', traceparent);
      return jetstream(connection, { timeout: TIMEOUT_MS }).publish(subject, text, { ...(msgID && { msgID }), headers: sent });
    };
    try {
      await (tracing ? tracing.publish(subject, null, send) : send());
      away.over();
      return true;
    } catch (error) {
      failed(error);
      void mend();
      return false;
    }
  };

  /** Sends dead letters, oldest first, until one is not taken. */
  const sendUnsent = async (): Promise<void> => {
    if (sending) return;
    sending = true;
    for (let [letter] = unsent; letter !== undefined; [letter] = unsent) {
      const connection = nats.connection();
      if (!connection || !(await publish(connection, letter.subject, letter.body, letter.msgID))) break;
      unsent.shift();
    }
    sending = false;
  };

  /** After a while: the stream may be gone, or our subjects are no longer among its own. */
  const mend = async (): Promise<void> => {
    if (mending) return;
    mending = true;
    await sleep(RETRY_MS, undefined, { ref: false });
    mending = false;
    const connection = nats.connection();
    if (connection && !stopped) await ready(connection);
  };

  const ready = (connection: NatsConnection): Promise<void> => ensureStream(connection).then(sendUnsent).catch(failed);
  nats.onConnect((connection) => void ready(connection));

  const follow = async (message: JsMsg, work: Work): Promise<void> => {
    const text = message.data.length > MAX_BYTES ? '' : message.string();
    const sent = headerIn(() => message.headers, CODE_HEADER);
    if (!code.holds(sent, message.subject, text)) {
      message.term();
      return foreign.met();
    }
    const userId = UserId(JSON.parse(text).user_id);
    if (!stopped && (await work(userId).catch(() => false))) message.ack();
    else message.nak(stopped ? undefined : AGAIN_MS);
  };

  const fetchFrom = async (connection: NatsConnection, work: Work): Promise<void> => {
    await ensureStream(connection);
    const { consumers } = await jetstreamManager(connection, { checkAPI: false, timeout: TIMEOUT_MS });
    await consumers.add(stream, {
      durable_name: durable,
      filter_subject: `${subjectPrefix}.tasks.run.>`,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(ACK_WAIT_MS),
      max_ack_pending: -1,
    });
    const consumer = await jetstream(connection, { timeout: TIMEOUT_MS }).consumers.get(stream, durable);
    let unread = 0;
    while (!stopped) {
      // Messages are fetched many at a time, so that their tasks are claimed by one statement.
      while (inHand.size > AT_ONCE / 2) await Promise.race(inHand);
      fetching = await consumer.fetch({ max_messages: AT_ONCE - inHand.size, expires: FETCH_MS });
      if (stopped) await fetching.close();
      consuming = true;
      away.over();
      let handed = false;
      for await (const message of fetching) {
        handed = true;
        const following = follow(message, work)
          // The connection is gone; the message comes again.
          .catch(failed)
          .finally(() => inHand.delete(following));
        inHand.add(following);
      }
      unread = handed || stopped || (await consumer.info()).num_pending === 0 ? 0 : unread + 1;
      if (unread === UNREAD_LOOKS) warn(UNREADABLE);
    }
  };

  const consume = async (work: Work): Promise<void> => {
    while (!stopped) {
      const connection = nats.connection();
      if (connection) await fetchFrom(connection, work).catch(failed);
      consuming = false;
      if (!stopped) await sleep(RETRY_MS, undefined, { ref: false });
    }
  };

  return {
    offer: ({ task_id, user_id, command }) => {
      const connection = nats.connection();
      if (connection) void publish(connection, subjectOf('run', command), { task_id, user_id });
      return connection !== null;
    },

    consume: (work) => void consume(work),

    consuming: () => consuming && nats.connection() !== null,

    dead: ({ task_id, user_id, command, attempts }, { code }) => {
      if (unsent.length >= MAX_UNSENT) return;
      const body = { task_id, user_id, command, attempts, code };
      unsent.push({ subject: subjectOf('dead', command), body, msgID: letterId(task_id) });
      void sendUnsent();
    },

    foreign: foreign.count,

    stop: async () => {
      stopped = true;
      await fetching?.close();
      await Promise.all(inHand);
      const sent = nats.connection()?.flush();
      // A server that went silent only costs others the wait for a redelivery.
      await Promise.race([sent?.catch(() => {}), sleep(sent ? FLUSH_MS : 0)]);
    },
  };
};

const FOREIGN =
  'messages that do not carry the code of this deployment are in the stream of tasks; they are removed, lead to nothing and are counted in ' +
  'lumin_foreign_messages_total: somebody else writes there, or an API of an earlier release, whose tasks are found in the table';

const NO_QUEUE =
  'the stream of tasks is no work queue: calls that were followed stay in it, or are dropped where no worker listens, whose tasks are found ' +
  'in their table; delete the stream, and it is made again as one';

const UNREADABLE =
  'the stream of tasks counts messages that NATS cannot read; tasks are found in their table. Delete the stream, and it is made again';
