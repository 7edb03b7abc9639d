import { foldUser, isUserEvent, USER_FOLD, type User, uniqueKeys, userIn } from '../../../domain/aggregates/user.ts';
import { hourOf } from '../../../domain/entities/profile-view.ts';
import type { UserEvent } from '../../../domain/events/user-events.ts';
import { Problem } from '../../../domain/problem.ts';
import type { Answered, Change, Decision, LoggedEvent, StoredUser } from '../../../domain/repositories/user-repository.ts';
import type { UserId } from '../../../domain/value-objects/user-id.ts';
import type { Database } from '../database/database.ts';
import { openPersonal, sealPersonal } from './personal-data.ts';
import { inSql, streamOf, userIdOfStream, userIdOfViews } from './stream-name.ts';

/** The version of the events' shape that this code writes. Older ones stay readable. */
const SCHEMA_VERSION = 1;

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

export const toEvent = ({ data: { changed, traceparent, ...data }, personal, at, ...row }: EventRow): LoggedEvent =>
  ({
    ...row,
    user_id: userIdOfStream(row.stream) ?? userIdOfViews(row.stream),
    data,
    changed,
    ...(traceparent !== undefined && { traceparent }),
    personal: openPersonal(personal) ?? {},
    at: at.toISOString(),
  }) as LoggedEvent;

const fromJson = ({ personal, at, ...event }: StoredEvent): LoggedEvent =>
  toEvent({ ...event, personal: personal === null ? null : Buffer.from(personal, 'base64'), at: new Date(at) });

/** The stream of the user in row k, as one JSON value: together with the row it is of one moment. */
const STREAM_AS_JSON = `(
  select json_agg(json_build_object('position', e.position, 'stream', e.stream, 'version', e.version, 'type', e.type,
    'schema_version', e.schema_version, 'data', e.data, 'personal', encode(e.personal, 'base64'), 'actor', e.actor,
    'correlation_id', e.correlation_id, 'at', e.at) order by e.version)
  from events e where e.stream = ${inSql.streamOf('k.user_id')}
)`;

export const EVENT_COLUMNS = 'position, stream, version, type, schema_version, data, personal, actor, correlation_id, at';

/** The log of events and its snapshot of every user: SQL on one side, domain types on the other. */
export const eventStore = (database: Database) => {
  const readStream = async (userId: UserId, after: number, limit: number): Promise<LoggedEvent[]> => {
    const rows = await database.query<EventRow>(
      `select ${EVENT_COLUMNS} from events where stream = $1 and version > $2 order by version limit $3`,
      [streamOf(userId), after, limit],
    );
    return rows.map(toEvent);
  };

  const readAt = async (userId: UserId, version: number): Promise<StoredUser | null> => {
    const events = await readStream(userId, 0, version);
    return events.length === 0 ? null : { user_id: userId, version: events.length, user: foldLog(events) };
  };

  /** A row that another release folded is only trusted for its version. A problem is that of this one user. */
  const trusted = async ({ user_id, version, fold, state }: LoadedRow): Promise<StoredUser | Problem | null> => {
    if (fold === USER_FOLD) return { user_id, version, user: userIn(state) };
    return readAt(user_id, version).catch((error) => (error instanceof Problem ? error : Promise.reject(error)));
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

    /** The users with these ids, in one statement, by id; of who cannot be read, the problem. */
    async load(userIds: readonly UserId[]): Promise<Map<UserId, StoredUser | Problem>> {
      const rows = await database.query<LoadedRow>('select user_id, version, fold, state from users where user_id = any($1::uuid[])', [
        userIds,
      ]);
      const users = await Promise.all(rows.map(trusted));
      return new Map(users.flatMap((user, index) => (user === null ? [] : [[(rows[index] as LoadedRow).user_id, user]])));
    },

    /** One transaction, one statement from here. The outcomes are in the order of the batch. @throws StoreFailure */
    async append(batch: readonly Append[]): Promise<Outcome[]> {
      const rows = await database.query<{ ord: number; outcome: string; version: number | null; answered: Answered | null }>(
        'select ord, outcome, version, answered from append_v1($1::json, $2::json)',
        [JSON.stringify(batch.map(toChange)), JSON.stringify(batch.flatMap(toEventRows))],
      );
      const outcomes = new Array<Outcome>(batch.length);
      for (const { ord, outcome, version, answered } of rows) outcomes[ord] = { verdict: outcome, version, answered } as Outcome;
      return outcomes;
    },

    /** Events of all streams with a position greater than `after`, in order. A reader at a position has seen all up to it. */
    async readLog(after: number, limit: number): Promise<LoggedEvent[]> {
      const rows = await database.query<EventRow>(`select ${EVENT_COLUMNS} from events where position > $1 order by position limit $2`, [
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

/** The event that a newer release wrote and this one does not understand, if there is one. */
export const notUnderstood = (events: readonly LoggedEvent[]): LoggedEvent | undefined =>
  events.find(({ type, schema_version }) => !isUserEvent(type) || schema_version > SCHEMA_VERSION);

/** @throws Problem stream-unreadable */
const foldLog = (events: readonly LoggedEvent[]): User => {
  if (notUnderstood(events)) throw new Problem('stream-unreadable');
  return foldUser(null, events);
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
