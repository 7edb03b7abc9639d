import { createHash } from 'node:crypto';
import type { LoggedEvent } from '../../src/domain/repositories/user-repository.ts';
import type { UserRow } from '../../src/infrastructure/persistence/event-store/event-store.ts';
import type { Operation } from '../fixtures/history.ts';

/** An event as the log keeps it; `raw` is the row, byte by byte. */
export type LogRow = LoggedEvent & { command_id: string; raw: string };

export type TaskRow = { task_id: string; status: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' };

/** An event as it left the service. */
export type Delivered = { id: string; subject: string; type: string; position: string; version: number };

/**
 * While this was broken, on the clock of the history. `api`: a process that answers was killed, stopped or restarted, at
 * `instance` or wherever that is not said; `store`: the database did not answer; `writes`: it answered, and took no changes;
 * `redis`, `nats`: that server did not answer; `aside`: something that no request notices, such as a worker that was killed.
 * From `mending` on it was being mended.
 */
export type Fault = {
  what: 'api' | 'store' | 'writes' | 'redis' | 'nats' | 'aside';
  instance?: string;
  from: number;
  mending: number;
  to: number;
};

export type Span = { from: number; to: number };

export type Probe = {
  instance?: string;
  at: number;
  ended: number;
  path: '/health' | '/health/live' | '/health/ready';
  status: number | null;
  state: string | null;
  /** What is not well, by its own word. */
  unwell?: string;
};

/** Everything that is known about a run once it has come to rest. What a scenario does not look at stays empty. */
export type Evidence = {
  history: readonly Operation[];
  faults: readonly Fault[];
  /** In order of position. */
  log: readonly LogRow[];
  users: readonly UserRow[];
  tasks: readonly TaskRow[];
  /** Hashes of the log up to a position, taken during the run. */
  prefixes: readonly { position: number; hash: string }[];
  /** The positions that each reader saw who followed the log from `after` on. */
  tails: readonly { after: number; seen: readonly number[] }[];
  /** The stream in NATS, in order of sequence; null where there is none. */
  published: readonly { sequence: number; id: string; body: Delivered }[] | null;
  /** What each subscription to /ws was sent; user_id null for all users. */
  sockets: readonly { user_id: string | null; after: number; events: readonly Delivered[] }[];
  /** What caches hold at rest. */
  cached: readonly { where: string; user_id: string; version: number }[];
  probes: readonly Probe[];
  /** When a process of the service mostly waited for its turn on a busy machine: no promise about time holds then. */
  starved?: readonly Span[];
  /** What a busy machine may add to each promised time; a quarter of a second where it is not said. */
  slackMs?: number;
  /** The highest seen of what must be bounded. */
  gauges: readonly { name: string; highest: number; limit: number }[];
};

/** Of a scenario that looks at the requests and the store alone. */
export const nothingElse = {
  prefixes: [],
  tails: [],
  published: null,
  sockets: [],
  cached: [],
  probes: [],
  gauges: [],
} satisfies Partial<Evidence>;

/** An invariant of reliability: sentences about where it does not hold. */
export type Invariant = (evidence: Evidence) => string[];

/** The hash of each prefix of the log, by position, one made from the other. */
export const prefixHashes = (rows: readonly { position: number; raw: string }[], before = { position: 0, hash: '' }) => {
  let { hash } = before;
  return rows.map(({ position, raw }) => {
    hash = createHash('sha256').update(hash).update(raw).digest('base64');
    return { position, hash };
  });
};

/** Requests that are one command: the same, or sent again under the same key. */
export type Command = { name: string; user_id: string; kind: Operation['kind']; requests: Operation[] };

export const commandsOf = ({ history }: Pick<Evidence, 'history'>): Command[] => {
  const commands = new Map<string, Command>();
  for (const operation of history) {
    const { method, path, key, body, request_id, user_id, kind } = operation;
    if (method === 'GET') continue;
    const name = key === null ? request_id : `${method} ${path} ${key} ${JSON.stringify(body)}`;
    const command = commands.get(name) ?? { name: `the ${kind} ${key ?? request_id} of ${user_id}`, user_id, kind, requests: [] };
    command.requests.push(operation);
    commands.set(name, command);
  }
  return [...commands.values()];
};

/** The events that came of a command, by the ids of its requests. */
export const effects = ({ log }: Pick<Evidence, 'log'>): ((command: Command) => LogRow[]) => {
  const byRequest = Map.groupBy(log, ({ correlation_id }) => correlation_id);
  return ({ requests }) => requests.flatMap(({ request_id }) => byRequest.get(request_id) ?? []);
};
