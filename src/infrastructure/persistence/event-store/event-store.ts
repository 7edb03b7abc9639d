import { foldUser, isUserEvent, USER_FOLD, type User, uniqueKeys, userIn } from '../../../domain/aggregates/user.ts';
import { hourOf } from '../../../domain/entities/profile-view.ts';
import type { UserEvent } from '../../../domain/events/user-events.ts';
import { Problem } from '../../../domain/problem.ts';
import type { Answered, Change, Decision, LoggedEvent, StoredUser } from '../../../domain/repositories/user-repository.ts';
import type { UserId } from '../../../domain/value-objects/user-id.ts';
import { type Database, StoreFailure } from '../database/database.ts';
import type { SeenEvent } from '../log/seen-event.ts';
import { openPersonal, sealPersonal } from './personal-data.ts';
import { inSql, streamOf, userIdOfStream, userIdOfViews } from './stream-name.ts';

/** The version of the events' shape that this code writes. Older ones stay readable. */
const SCHEMA_VERSION = 1;

/** The most that an event's personal part has, and the rest of it; the constraint `events_size` refuses more. The largest user is a third of the first. */
export const EVENT_BYTES = 32_768;
export const DATA_BYTES = 4_096;
/** Events that are read at once have no more, whatever their number, or are one. */
export const PAGE_BYTES = 1_048_576;
/** Events of one user that a fold reads in one page. */
const EVENTS_AT_ONCE = 200;

/** A change with its decision, ready to be appended. `after` is the state that it leads to; `trace` its part in one, if it is traced. */
export type Append = {
  change: Change;
  expected: number;
  decision: Decision;
  after: User | null;
  trace?: { traceparent: string } | null;
};

export type Outcome =
  | { verdict: 'ok' | 'done'; version: number }
  | { verdict: 'ended' | 'conflict' | 'email-taken' | 'phone-taken' }
  /** Nothing was tried: another session holds a row of the change, or the log is not the one that this process follows. */
  | { verdict: 'busy' | 'other-log' }
  | { verdict: 'answered'; answered: Answered };

/** The events that the append writes: none where they are only tried. */
const eventsOf = ({ change, decision }: Append): UserEvent[] => (change.dry_run ? [] : decision.events);

const toChange = (append: Append, ord: number) => {
  const { change, expected, decision, after } = append;
  const { task, view } = decision;
  const dueLater = task !== undefined && new Date(task.due_at) > change.at;
  return {
    ord,
    command_id: change.command_id,
    user_id: change.user_id,
    stream: streamOf(change.user_id),
    expected,
    next: expected + eventsOf(append).length,
    at: change.at,
    actor: change.actor,
    correlation_id: change.correlation_id,
    completes: change.completes,
    fold: USER_FOLD,
    status: after?.status,
    state: after,
    ...(after && uniqueKeys(after)),
    once_key: change.once?.key,
    request_hash: change.once?.request_hash,
    answer: change.once?.status,
    ...(view && !change.dry_run && { viewer_id: view.viewer_id, source: view.source, hour: hourOf(view) }),
    task_id: task?.task_id,
    task: task && {
      command: task.command,
      // A task that is due later is no part of the request's trace any more.
      input: sealPersonal(append.trace && !dueLater ? { ...(task.input as object), traceparent: append.trace.traceparent } : task.input),
      if_match: task.if_match,
      // A task that is due at once gets its time from the database's clock, because the clocks of replicas differ.
      due_at: dueLater ? task.due_at : null,
    },
  };
};

const toEventRows = (append: Append, ord: number) =>
  eventsOf(append).map(({ type, data, personal }, index) => ({
    ord,
    version: append.expected + index + 1,
    type,
    schema_version: SCHEMA_VERSION,
    data: {
      ...data,
      changed: [...Object.keys(data), ...Object.keys(personal)],
      ...(append.trace && { traceparent: append.trace.traceparent }),
    },
    personal: Object.keys(personal).length > 0 ? sealPersonal(personal) : null,
  }));

/** The row of its user that the append of a change takes, where it exists: another session may hold it. */
const toTouchedUser = (append: Append, ord: number) => {
  const { change, expected } = append;
  return expected > 0 && eventsOf(append).length > 0 ? [{ ord, user_id: change.user_id }] : [];
};

/** The other rows that it takes, where they exist. */
const toTouchedBeside = ({ change, decision }: Append, ord: number) => {
  const { user_id } = change;
  const view = change.dry_run || decision.view?.viewer_id === user_id ? undefined : decision.view;
  const rows = {
    completes: change.completes,
    replaces: decision.task?.command === 'end_block' ? user_id : undefined,
    once_key: change.once?.key,
    ...(view && { viewed: user_id, viewer_id: view.viewer_id, hour: hourOf(view) }),
  };
  return Object.values(rows).some((row) => row !== undefined) ? [{ ord, ...rows }] : [];
};

/** Null where there is nothing. */
const jsonOf = (rows: object[]): string | null => (rows.length > 0 ? JSON.stringify(rows) : null);

/** Lock timeout, limit of the program: of one change, or of the whole store. */
const OF_ONE_OR_OF_ALL = /^(?:55P03|54000)$/;

/** The users row and the event row as the database gives them. */
export type UserRow = {
  user_id: UserId;
  version: number;
  fold: number;
  status: string;
  email_key: string | null;
  phone_key: string | null;
  state: Partial<User>;
};
export type EventRow = Omit<LoggedEvent, 'user_id' | 'data' | 'changed' | 'personal' | 'at'> & {
  data: { changed: string[]; traceparent?: string };
  personal: Uint8Array | null;
  at: Date;
};

type LoadedRow = Pick<UserRow, 'user_id' | 'version' | 'fold' | 'state'>;

/** The same inside a JSON value that the database made. */
type StoredEvent = Omit<EventRow, 'personal' | 'at'> & { personal: string | null; at: string };

export const toEvent = ({ data: written, personal: sealed, at, ...row }: EventRow): LoggedEvent => {
  const { changed, traceparent, ...data } = isObject(written) && isShallow(written) ? written : { changed: null };
  const personal = opened(sealed);
  const isDated = at instanceof Date && !Number.isNaN(at.getTime());
  return {
    ...row,
    user_id: userIdOfStream(row.stream) ?? userIdOfViews(row.stream),
    data,
    changed: Array.isArray(changed) ? changed : [],
    ...(TRACEPARENT.test(String(traceparent)) && { traceparent }),
    personal: personal ?? {},
    ...((personal === null || !Array.isArray(changed) || !isDated) && { unreadable: true }),
    // A database has times that JavaScript has not.
    at: (isDated ? at : new Date(0)).toISOString(),
  } as LoggedEvent;
};

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** W3C Trace Context, 3.2. */
const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/;

/** Whether it is nested as what this service writes is; what is far deeper can be read, and not be written again. */
const isShallow = (value: unknown, depth = 16): boolean =>
  !isObject(value) || (depth > 0 && Object.values(value).every((inner) => isShallow(inner, depth - 1)));

/** Null where it cannot be read. */
const opened = (sealed: Uint8Array | null): object | null => {
  try {
    const personal = openPersonal(sealed) ?? {};
    return isShallow(personal) ? personal : null;
  } catch {
    return null;
  }
};

const fromJson = ({ personal, at, ...event }: StoredEvent): LoggedEvent =>
  toEvent({ ...event, personal: personal === null ? null : Buffer.from(personal, 'base64'), at: new Date(at) });

const DATA = `case when octet_length(e.data::text) <= ${DATA_BYTES} then e.data end`;

/** The stream of the user in row k, as one JSON value: together with the row it is of one moment. */
const STREAM_AS_JSON = `(
  select json_agg(json_build_object('position', e.position, 'stream', e.stream, 'version', e.version, 'type', e.type,
    'schema_version', e.schema_version, 'data', ${DATA}, 'personal', encode(e.personal, 'base64'), 'actor', e.actor,
    'correlation_id', e.correlation_id, 'at', e.at) order by e.version)
  from events e where e.stream = ${inSql.streamOf('k.user_id')}
)`;

const COLUMNS = ['position', 'stream', 'version', 'type', 'schema_version', 'data', 'personal', 'actor', 'correlation_id', 'at'];

/** The columns of an `EventRow` in SQL, some of them by an expression on the event `e`. */
export const eventColumns = (instead: Record<string, string> = {}): string =>
  COLUMNS.map((column) => (Object.hasOwn(instead, column) ? `${instead[column]} as ${column}` : column)).join(', ');

/** A damaged event is found so before it is in memory. */
const READABLE = eventColumns({
  data: DATA,
  personal: `case when octet_length(e.personal) <= ${EVENT_BYTES} then e.personal when e.personal is not null then '\\x00' end`,
});

/**
 * The log of events and its snapshot of every user: SQL on one side, domain types on the other. `seen` is the last event that
 * this process knows of: nothing is appended to a log that does not have it.
 */
export const eventStore = (database: Database, seen: () => SeenEvent | null = () => null) => {
  const readStream = async (userId: UserId, from: number, limit: number, order: 'asc' | 'desc' = 'asc'): Promise<LoggedEvent[]> => {
    const rows = await database.query<EventRow>(
      `select ${READABLE} from events e where stream = $1 and version ${order === 'asc' ? '>' : '<'} $2 order by version ${order} limit $3`,
      [streamOf(userId), from, limit],
    );
    const events = rows.map(toEvent);
    if (events.some(({ unreadable }) => unreadable)) throw new Problem('stream-unreadable');
    return events;
  };

  /** Folds page by page, so that a long stream is never in memory as a whole, and from `known` on. @throws Problem stream-unreadable */
  const readAt = async (userId: UserId, version: number, known: StoredUser | null = null): Promise<StoredUser | null> => {
    let user: User | null = known?.user ?? null;
    let read = known?.version ?? 0;
    while (read < version) {
      const events = await readStream(userId, read, Math.min(EVENTS_AT_ONCE, version - read));
      if (events.length === 0) break;
      user = foldLog(user, events);
      read += events.length;
    }
    return user && { user_id: userId, version: read, user };
  };

  /** A row that another release folded, or that is damaged, is only trusted for its version. A problem is that of this one user. */
  const trusted = async ({ user_id, version, fold, state }: LoadedRow): Promise<StoredUser | Problem | null> => {
    if (fold === USER_FOLD && isObject(state?.privacy_settings)) return { user_id, version, user: userIn(state) };
    return readAt(user_id, version).catch((error) => (error instanceof Problem ? error : Promise.reject(error)));
  };

  const appendOnce = async (batch: readonly Append[]): Promise<Outcome[]> => {
    const last = seen();
    const rows = await database.query<{ ord: number; outcome: string; version: number | null; answered: Answered | null }>(
      'select ord, outcome, version, answered from append_v2($1::json, $2::json, $3::json, $4::json, $5, $6, $7, $8)',
      [
        JSON.stringify(batch.map(toChange)),
        JSON.stringify(batch.flatMap(toEventRows)),
        jsonOf(batch.flatMap(toTouchedUser)),
        jsonOf(batch.flatMap(toTouchedBeside)),
        last?.position ?? null,
        last?.stream ?? null,
        last?.version ?? null,
        last?.at ?? null,
      ],
    );
    const outcomes = new Array<Outcome>(batch.length);
    for (const { ord, outcome, version, answered } of rows) outcomes[ord] = { verdict: outcome, version, answered } as Outcome;
    return outcomes;
  };

  return {
    readStream,
    readAt,

    /** The users that meet the condition, in its order, in one statement; null is one whom this release cannot read. */
    async list(condition: string, values: unknown[]): Promise<{ users: (StoredUser | null)[]; positions: number[] }> {
      const rows = await database.query<LoadedRow & { created_position: number }>(
        `select u.user_id, u.version, u.fold, u.state, u.created_position from users u where ${condition}`,
        values,
      );
      const users = await Promise.all(rows.map(trusted));
      return {
        users: users.map((user) => (user instanceof Problem ? null : user)),
        positions: rows.map(({ created_position }) => created_position),
      };
    },

    /** How many users meet the condition. */
    async count(condition: string, values: unknown[]): Promise<number> {
      const [row] = await database.query<{ count: number }>(`select count(*) as count from users u where ${condition}`, values);
      return row?.count ?? 0;
    },

    /** The users with these ids, in one statement, by id; of who cannot be read, the problem. */
    async load(userIds: readonly UserId[]): Promise<Map<UserId, StoredUser | Problem>> {
      const rows = await database.query<LoadedRow>('select user_id, version, fold, state from users where user_id = any($1::uuid[])', [
        userIds,
      ]);
      const users = await Promise.all(rows.map(trusted));
      return new Map(users.flatMap((user, index) => (user === null ? [] : [[(rows[index] as LoadedRow).user_id, user]])));
    },

    /** One transaction, one statement from here. The outcomes are in the order of the batch. @throws StoreFailure */
    append: (batch: readonly Append[]): Promise<Outcome[]> =>
      appendOnce(batch).catch(async (error) => {
        if (!(error instanceof StoreFailure && OF_ONE_OR_OF_ALL.test(error.sqlstate ?? ''))) throw error;
        // An empty batch takes the head and opens all tables, and touches no row: what it meets as well is not of one change.
        if (batch.length > 0 && (await appendOnce([]).then(Boolean, () => false))) throw new StoreFailure('refused', error.sqlstate);
        throw new StoreFailure('rolled-back', error.sqlstate);
      }),

    /** Events of all streams with a position greater than `after`, in order. A reader at a position has seen all up to it. */
    async readLog(after: number, limit: number): Promise<LoggedEvent[]> {
      const rows = await database.query<EventRow>(`select ${READABLE} from events e where position > $1 order by position limit $2`, [
        after,
        limit,
      ]);
      return rows.map(toEvent);
    },

    /** Everyone who has a row, a stream or views, by id. */
    async readUserIds(after: string | null, limit: number): Promise<UserId[]> {
      const rows = await database.query<{ user_id: UserId }>(
        `(select user_id from users where $1::uuid is null or user_id > $1 order by user_id limit $2)
         union
         (select user_id from profile_view_counts where $1::uuid is null or user_id > $1 order by user_id limit $2)
         union
         (select ${inSql.userIdOfStream('e.stream')} from events e
          where ${inSql.isOfUserAfter('e.stream', "coalesce($1::text, '')")} and e.version = 1 order by e.stream limit $2)
         order by user_id limit $2`,
        [after, limit],
      );
      return rows.map(({ user_id }) => user_id);
    },

    /** The whole streams of these users as they are at one moment. */
    async readStreams(userIds: readonly UserId[]): Promise<{ user_id: UserId; events: LoggedEvent[] }[]> {
      const rows = await database.query<{ user_id: UserId; events: StoredEvent[] | null }>(
        `select k.user_id, ${STREAM_AS_JSON} as events from unnest($1::uuid[]) as k(user_id)`,
        [userIds],
      );
      return rows.map(({ user_id, events }) => ({ user_id, events: (events ?? []).map(fromJson) }));
    },

    /** Rows of the read model by id, each with the user's whole stream, of one moment. */
    async readUsersWithEvents(after: string | null, limit: number) {
      const rows = await database.query<{ row: UserRow; events: StoredEvent[] | null }>(
        `select row_to_json(k) as row, ${STREAM_AS_JSON} as events
         from users k where $1::uuid is null or k.user_id > $1::uuid order by k.user_id limit $2`,
        [after, limit],
      );
      return rows.map(({ row, events }) => ({ row, events: (events ?? []).map(fromJson) }));
    },

    /** The answer under a once-only key, if there is one. */
    async answered(key: string): Promise<Answered | null> {
      const [row] = await database.query<Answered>(
        `select request_hash, status, user_id, version, task_id from idempotency_keys where key = $1 and created_at > now() - interval '24 hours'`,
        [key],
      );
      return row ?? null;
    },
  };
};

export type EventStore = ReturnType<typeof eventStore>;

/** The event that a newer release wrote and this one does not understand, or that is damaged, if there is one. */
export const notUnderstood = (events: readonly LoggedEvent[]): LoggedEvent | undefined =>
  events.find(({ type, schema_version, unreadable }) => unreadable || !isUserEvent(type) || schema_version > SCHEMA_VERSION);

/** @throws Problem stream-unreadable */
const foldLog = (user: User | null, events: readonly LoggedEvent[]): User => {
  if (notUnderstood(events)) throw new Problem('stream-unreadable');
  return foldUser(user, events);
};

/** The state that a decision leads to, folded as the log will be. */
export const stateAfter = (user: User | null, events: readonly UserEvent[], at: Date): User =>
  foldUser(
    user,
    events.map((event) => ({ ...event, at: at.toISOString() })),
  );

/** The keys that the change takes and its user did not have: no two changes in a batch may take the same one. */
export const claimsOf = ({ before, after }: { before: StoredUser | null; after: User | null }): string[] => {
  if (after === null) return [];
  const held = before === null ? null : uniqueKeys(before.user);
  const { email_key, phone_key } = uniqueKeys(after);
  return [
    ...(email_key !== null && email_key !== held?.email_key ? [`email ${email_key}`] : []),
    ...(phone_key !== null && phone_key !== held?.phone_key ? [`phone ${phone_key}`] : []),
  ];
};
