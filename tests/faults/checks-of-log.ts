import { isDeepStrictEqual } from 'node:util';
import { commandIdOf } from '../../src/application/tasks/task-id.ts';
import { foldUser, USER_FOLD, type User, uniqueKeys } from '../../src/domain/aggregates/user.ts';
import { isUnknown, succeeded } from '../fixtures/history.ts';
import { type Command, commandsOf, type Evidence, effects, type Invariant, type LogRow, prefixHashes } from './evidence.ts';

/** Of a phone that the user has already, nothing is to be written. */
const mayChangeNothing = ({ kind }: Command): boolean => kind === 'phone' || kind === 'delete';
const asTask = ({ requests }: Command): boolean => requests.some(({ task_id }) => task_id !== null);
/** When the client knew that it is done. */
const acknowledgedAt = ({ requests }: Command): number => Math.min(...requests.filter(succeeded).map(({ ended }) => ended));
const lastCrash = ({ faults }: Evidence): number =>
  Math.max(...faults.filter(({ what }) => what !== 'nats' && what !== 'redis').map(({ to }) => to));

const lost = (evidence: Evidence): Command[] => {
  const effectsOf = effects(evidence);
  return commandsOf(evidence).filter(
    (command) => command.requests.some(succeeded) && !asTask(command) && !mayChangeNothing(command) && effectsOf(command).length === 0,
  );
};

/** A 2xx is in the log exactly once, what was refused not at all, what is unknown once at most. */
export const onceInTheLog: Invariant = (evidence) => {
  const effectsOf = effects(evidence);
  const mistakes = lost(evidence)
    .filter((command) => acknowledgedAt(command) > lastCrash(evidence))
    .map(({ name }) => `${name} was acknowledged and is not in the log`);
  for (const command of commandsOf(evidence)) {
    if (asTask(command)) continue;
    const found = effectsOf(command);
    const refused = command.requests.every((request) => !succeeded(request) && !isUnknown(request));
    if (refused && found.length > 0) mistakes.push(`${command.name} was refused (${command.requests[0]?.code}) and is in the log`);
    if (found.length > 1) mistakes.push(`${command.name} is ${found.length} times in the log: ${found.map(({ position }) => position)}`);
  }
  return mistakes;
};

/** What was acknowledged before a crash is there after it. */
export const survivesCrashes: Invariant = (evidence) =>
  lost(evidence)
    .filter((command) => acknowledgedAt(command) <= lastCrash(evidence))
    .map(({ name }) => `${name} was acknowledged before the crash and is not in the log after it`);

/** Versions of a stream are 1, 2, …; a user begins by being created and ends by being deleted. */
export const versionsInOrder: Invariant = ({ log }) => {
  const last = new Map<string, LogRow>();
  return log.flatMap((event) => {
    const { stream, version, type, position } = event;
    const before = last.get(stream);
    last.set(stream, event);
    const expected = (before?.version ?? 0) + 1;
    if (version !== expected) return `at position ${position} ${stream} goes from version ${expected - 1} to ${version}`;
    if (!stream.startsWith('user-')) return [];
    if ((version === 1) !== (type === 'UserCreated')) return `at position ${position} ${stream} has ${type} as version ${version}`;
    return before?.type === 'UserDeleted' ? `at position ${position} ${stream} goes on after UserDeleted` : [];
  });
};

/** A prefix of the log, read again, is the same byte by byte. */
export const appendOnly: Invariant = ({ log, prefixes }) => {
  const hashes = new Map(prefixHashes(log).map(({ position, hash }) => [position, hash]));
  return prefixes
    .filter(({ position, hash }) => hashes.get(position) !== hash)
    .map(({ position }) => `the log up to ${position} has changed`);
};

/** Positions are 1, 2, …, and become visible in that order. */
export const visibleInOrder: Invariant = ({ log, tails }) => [
  ...log.flatMap(({ position }, index) => (position === index + 1 ? [] : `the event number ${index + 1} has position ${position}`)),
  ...tails.flatMap(({ after, seen }) =>
    seen.flatMap((position, index) => (position === after + index + 1 ? [] : `a reader at ${after + index} was given ${position} next`)),
  ),
];

/** The answers are those of the commands run one by one in the order of the log. */
export const asIfOneByOne: Invariant = (evidence) => {
  const effectsOf = effects(evidence);
  const commands = commandsOf(evidence);
  const causes = new Map(commands.flatMap((command) => effectsOf(command).map((event) => [event.position, command.requests] as const)));
  const events = new Map(evidence.log.map((event) => [`${event.stream}:${event.version}`, event]));
  // An event came after the command was sent, and before it was acknowledged.
  const earliest = ({ position }: LogRow): number =>
    Math.min(...(causes.get(position)?.map(({ started }) => started) ?? [Number.NEGATIVE_INFINITY]));
  const latest = ({ position }: LogRow): number =>
    Math.min(...(causes.get(position) ?? []).filter((request) => succeeded(request) && request.status !== 202).map(({ ended }) => ended));
  const holdings = keysOverTime(evidence.log);

  return commands.flatMap((command) => {
    const [event] = effectsOf(command);
    return command.requests.flatMap((request) => {
      const { status, version, if_match, user_id, started, ended, code } = request;
      if (event && succeeded(request) && version !== null && version !== event.version) {
        return `${command.name} answered version ${version}, and is version ${event.version} in the log`;
      }
      if (status === 412 && if_match !== null) {
        const [met, next] = [events.get(`user-${user_id}:${if_match}`), events.get(`user-${user_id}:${if_match + 1}`)];
        const stood = met && latest(met) <= started && (!next || (causes.has(next.position) && earliest(next) >= ended));
        return stood ? `${command.name} answered 412 although the version was ${if_match}` : [];
      }
      if (code !== 'email-taken' && code !== 'phone-taken') return [];
      const wanted = wantedKey(request.body, code);
      const taken = holdings.some(
        ({ key, stream, from, to }) =>
          key === wanted && stream !== `user-${user_id}` && !(earliest(from) >= ended) && (to === null || !(latest(to) <= started)),
      );
      return taken ? [] : `${command.name} answered ${code}, and nobody else had it then`;
    });
  });
};

/** No address and no number is held by two users at once, in the log and in the read model. */
export const heldByOne: Invariant = ({ log, users }) => {
  const inTheLog = [...Map.groupBy(keysOverTime(log), ({ key }) => key).values()].flatMap((holdings) =>
    holdings.flatMap(({ stream, from }, index) => {
      const before = holdings[index - 1];
      if (!before || (before.to && before.to.position < from.position)) return [];
      return `at position ${from.position} a key that ${before.stream} holds is given to ${stream} too`;
    }),
  );
  const inTheRows = (['email_key', 'phone_key'] as const).flatMap((column) =>
    [...Map.groupBy(users, (row) => row[column])]
      .filter(([key, rows]) => key !== null && rows.length > 1)
      .map(([, rows]) => `${rows.map(({ user_id }) => user_id).join(' and ')} have the same ${column}`),
  );
  return [...inTheLog, ...inTheRows];
};

/** Every row of the read model is the fold of its events. */
export const rowsAreFolds: Invariant = ({ log, users }) => {
  const streams = Map.groupBy(log, ({ stream }) => stream);
  const rows = new Map(users.map((row) => [`user-${row.user_id}`, row]));
  const orphans = users.filter(({ user_id }) => !streams.has(`user-${user_id}`)).map(({ user_id }) => `${user_id} has a row and no events`);
  const mistakes = [...streams].flatMap(([stream, events]) => {
    if (!stream.startsWith('user-')) return [];
    const row = rows.get(stream);
    if (row === undefined) return `${stream} has events and no row`;
    const user = foldUser(null, events);
    const expected = {
      version: events.at(-1)?.version,
      status: user.status,
      ...uniqueKeys(user),
      ...(row.fold === USER_FOLD && { state: user }),
    };
    const differing = Object.entries(expected).filter(([name, value]) => !isDeepStrictEqual(row[name as keyof typeof row], value));
    return differing.length === 0 ? [] : `the row of ${stream} differs in ${differing.map(([name]) => name).join(', ')}`;
  });
  return [...orphans, ...mistakes];
};

/** Every accepted task ends, takes effect once if it succeeded and not otherwise, and can be looked up. */
export const tasksEnd: Invariant = ({ history, tasks, log }) => {
  const rows = new Map(tasks.map((task) => [task.task_id, task]));
  const byCommand = Map.groupBy(log, ({ command_id }) => command_id);
  const accepted = new Set(history.filter(({ status }) => status === 202).map(({ task_id }) => task_id as string));
  const unread = history.filter(({ kind, status }) => kind === 'task' && status === 404).map(({ path }) => `${path} was not found`);
  const mistakes = [...accepted].flatMap((id) => {
    const status = rows.get(id)?.status;
    const times = byCommand.get(commandIdOf(id))?.length ?? 0;
    if (status === undefined) return `the accepted task ${id} is gone`;
    if (status === 'queued' || status === 'running') return `the task ${id} is still ${status}`;
    const allowed = status === 'succeeded' ? 1 : 0;
    return times === allowed ? [] : `the task ${id} ${status} and took effect ${times} times`;
  });
  return [...unread, ...mistakes];
};

type Holding = { key: string; stream: string; from: LogRow; to: LogRow | null };

/** Who held which key from which event to which, as far as the log's personal part can be read. */
const keysOverTime = (log: readonly LogRow[]): Holding[] => {
  const all: Holding[] = [];
  const held = new Map<string, Holding>();
  for (const event of log) {
    if (!event.stream.startsWith('user-')) continue;
    const personal = event.type === 'UserDeleted' ? { email: null, phone: null } : (event.personal as Partial<User>);
    const keys = uniqueKeys({ email: null, phone: null, ...personal } as User);
    for (const [field, key] of [
      ['email', keys.email_key],
      ['phone', keys.phone_key],
    ] as const) {
      if (!(field in personal)) continue;
      const slot = `${event.stream} ${field}`;
      const before = held.get(slot);
      if (before && before.key !== `${field} ${key}`) {
        before.to = event;
        held.delete(slot);
      }
      if (key === null || before?.key === `${field} ${key}`) continue;
      const holding = { key: `${field} ${key}`, stream: event.stream, from: event, to: null };
      held.set(slot, holding);
      all.push(holding);
    }
  }
  return all;
};

const wantedKey = (body: object | null, code: 'email-taken' | 'phone-taken'): string => {
  const { email, new_email, phone, new_phone } = (body ?? {}) as Record<string, string | null | undefined>;
  const keys = uniqueKeys({ email: email ?? new_email ?? null, phone: phone ?? new_phone ?? null } as unknown as User);
  return code === 'email-taken' ? `email ${keys.email_key}` : `phone ${keys.phone_key}`;
};
