import { connect as connectSocket } from 'node:net';
import {
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  type StreamInfo,
} from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { natsAddress } from '../../connections/nats-address.ts';
import { streamLosses } from '../../messaging/stream-losses.ts';
import type { Place } from '../../place.ts';
import type { Config } from '../config.ts';
import { explained } from './explained.ts';
import { clock, type Finding, latency, latencyOf, ok, unknown, wrong } from './finding.ts';

const CONNECT_MS = 2_000;
const ANSWER_MS = 3_000;

/** What the server is used for. */
type Use = { events: boolean; tasks: boolean };
type Names = { stream: string; subjects: string };

/** A NATS as the service uses it. Streams are not made for a look. */
export const natsOf = async (name: string, url: string, setting: string, config: Config, use: Use): Promise<Finding[]> => {
  const { servers, user, password, tls } = natsAddress(url);
  const server: Place = { kind: 'NATS', at: servers.join(','), user: user ?? '', database: '', setting };
  let connection: NatsConnection | null = null;
  try {
    connection = await connect({
      servers: await greeting(servers),
      name: 'lumin-doctor',
      ...(user && (password ? { user, pass: password } : { token: user })),
      ...(tls && { tls: {} }),
      timeout: CONNECT_MS,
      reconnect: false,
    });
    const { version } = connection.info ?? {};
    const reached = [
      ok(name, `${version} at ${server.at}, and it lets this user in`),
      latency(`${name} latency`, await latencyOf(() => (connection as NatsConnection).flush())),
    ];
    return [...reached, ...(await jetStream(name, connection, server, config, use))];
  } catch (error) {
    return [explained(name, error, server), unknown(`${name} JetStream, streams`, `can be told once ${name} is reached`)];
  } finally {
    await connection?.close();
  }
};

/**
 * Those that say something, as every NATS does first. The client keeps the socket of one that is silent, and the process with it.
 * @throws the first one's error where none does
 */
const greeting = async (servers: readonly string[]): Promise<string[]> => {
  const heard = await Promise.allSettled(servers.map(greets));
  const found = servers.filter((_, index) => heard[index]?.status === 'fulfilled');
  if (found.length === 0) throw (heard[0] as PromiseRejectedResult).reason;
  return found;
};

const greets = (server: string): Promise<unknown> => {
  const [, host = '', port] = /^\[?(.*?)\]?:(\d+)$/.exec(server) ?? [];
  const socket = connectSocket({ host, port: Number(port), timeout: CONNECT_MS });
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  socket.once('data', resolve).once('error', reject);
  socket.once('timeout', () => reject(new Error('timeout'))).once('close', () => reject(new Error('closed connection')));
  return promise.finally(() => socket.destroy());
};

const jetStream = async (name: string, connection: NatsConnection, server: Place, config: Config, use: Use): Promise<Finding[]> => {
  try {
    const manager = await jetstreamManager(connection, { timeout: ANSWER_MS });
    const { storage, streams } = await manager.getAccountInfo();
    const prefix = config.NATS_SUBJECT_PREFIX;
    const events = { stream: config.NATS_STREAM, subjects: `${prefix}.users.>` };
    const tasks = { stream: `${config.NATS_STREAM}-tasks`, subjects: `${prefix}.tasks.>` };
    return [
      ok(`${name} JetStream`, `is there, with ${streams} streams and ${storage} bytes on disk`),
      ...(use.events ? await streamOf(`${name} events`, manager, events, eventsStream) : []),
      ...(use.tasks ? await streamOf(`${name} tasks`, manager, tasks, tasksStream) : []),
      ...(use.tasks ? [await workersOf(`${name} task workers`, manager, tasks.stream, `${prefix}-workers`)] : []),
    ];
  } catch (error) {
    return [explained(`${name} JetStream`, error, server), unknown(`${name} streams`, 'can be told once there is JetStream')];
  }
};

const isMissing = (error: unknown): boolean =>
  error instanceof JetStreamApiError &&
  (error.code === JetStreamApiCodes.StreamNotFound || error.code === JetStreamApiCodes.ConsumerNotFound);

const streamOf = async (
  check: string,
  { streams }: JetStreamManager,
  { stream, subjects }: Names,
  judge: (check: string, info: StreamInfo) => Finding,
): Promise<Finding[]> => {
  const before = Date.now();
  const info = await streams.info(stream).catch((error) => (isMissing(error) ? null : Promise.reject(error)));
  const after = Date.now();
  const owner = await streams.find(subjects).catch(() => null);
  if (owner !== null && owner !== stream)
    return [
      wrong(check, `the subjects ${subjects} belong to the stream ${owner}`, `set NATS_STREAM=${owner}, or another NATS_SUBJECT_PREFIX`),
    ];
  if (info === null) return [ok(check, `the stream ${stream} is not there yet; the service makes it`)];
  if (owner === null) return [ok(check, `the stream ${stream} lacks ${subjects}; the service adds it`)];
  const { ts } = info as StreamInfo & { ts?: string };
  return [judge(check, info), ...(ts === undefined ? [] : [clock(`${check}, clock`, Date.parse(ts), before, after)])];
};

const eventsStream = (check: string, { config, state }: StreamInfo): Finding => {
  const { unread } = streamLosses(config);
  return unread.length > 0
    ? wrong(
        check,
        `the stream ${config.name} drops events that nobody has read (${unread.join(', ')})`,
        `nats stream rm ${config.name}, and the service makes it again from the log`,
      )
    : ok(check, `the stream ${config.name} has ${state.messages.toLocaleString('en-US')} messages under ${config.subjects.join(', ')}`);
};

const tasksStream = (check: string, { config, state }: StreamInfo): Finding =>
  config.retention === RetentionPolicy.Workqueue
    ? ok(check, `the stream ${config.name} has ${state.messages.toLocaleString('en-US')} calls under ${config.subjects.join(', ')}`)
    : wrong(
        check,
        `the stream ${config.name} is no work queue (retention: ${config.retention})`,
        `nats stream rm ${config.name}, and the service makes it again as one`,
      );

const workersOf = async (check: string, { consumers }: JetStreamManager, stream: string, durable: string): Promise<Finding> => {
  try {
    const { num_pending, num_waiting } = await consumers.info(stream, durable);
    const waiting = `${num_pending.toLocaleString('en-US')} calls wait`;
    return num_pending > 0 && num_waiting === 0
      ? wrong(check, `${waiting}, and no worker asks for them`, 'npm run worker:tasks, or npm start')
      : ok(check, `${waiting}, ${num_waiting} workers ask for more`);
  } catch (error) {
    if (!isMissing(error)) throw error;
    return ok(check, 'none has begun yet');
  }
};
