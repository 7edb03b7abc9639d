import type { User } from '../aggregates/user.ts';
import type { ProfileView } from '../entities/profile-view.ts';
import type { RecordedUserEvent, UserEvent } from '../events/user-events.ts';
import type { UserId } from '../value-objects/user-id.ts';

/** A user as stored: the folded state, and the number of events it is folded from. */
export type StoredUser = Readonly<{ user_id: UserId; version: number; user: User }>;

/** One event as the log keeps it. `personal` lacks the fields that can no longer be read. */
export type LoggedEvent = RecordedUserEvent & {
  position: number;
  stream: string;
  /** Whom it is about, also where the stream is that of the profile's views. */
  user_id: UserId;
  version: number;
  schema_version: number;
  /** The fields that the event sets; known even when their values can no longer be read. */
  changed: string[];
  actor: string | null;
  correlation_id: string | null;
  /** W3C Trace Context of the change, where it was traced. */
  traceparent?: string;
  /** Set where the stored form is damaged: what could not be read is left out, and nothing can be folded from it. */
  unreadable?: true;
};

/** Work for later, written in the same transaction as the change that calls for it. */
export type NewTask = Readonly<{
  task_id: string;
  command: string;
  /** The command's input; personal, so it is removed when the task ends. */
  input: unknown;
  if_match: readonly number[] | null;
  due_at: string;
}>;

/** `view` is written to a stream of its own, and the user stays as it is. */
export type Decision = { events: UserEvent[]; task?: NewTask | undefined; view?: ProfileView | undefined };

/** The once-only record of a request with an Idempotency-Key. Both are keyed hashes; no part of the request is kept. */
export type Once = Readonly<{ key: string; request_hash: string; status: number }>;

/** The answer that a once-only record stands for. */
export type Answered = Readonly<{ request_hash: string; status: number; user_id: UserId; version: number; task_id: string | null }>;

/** One command on one user. */
export type Change = Readonly<{
  /** Names this change in the log; the same change sent twice takes effect once. */
  command_id: string;
  user_id: UserId;
  /** Pure: it may run again on a newer state when another writer was faster. */
  decide: (user: User | null, version: number) => Decision;
  /** True where the events are only tried, and just the task is written: the change itself happens later. */
  dry_run?: boolean;
  /** True where the user is expected not to exist yet: saves a look. */
  creates?: boolean;
  once?: Once | undefined;
  /** `new` where the input calls the new value of a field so: a problem of that field points to it. */
  names?: 'new' | undefined;
  /** What the change keeps in memory until it is decided, in bytes. */
  input_size?: number;
  /** Set where the change is a view: many of one user may be under way at once, but one of each viewer. */
  viewer_id?: UserId | undefined;
  /** The task that this change completes, in the same transaction. */
  completes?: string | undefined;
  at: Date;
  actor: string | null;
  correlation_id: string | null;
}>;

/**
 * What came of a change: done, now or by an earlier run of the same one; or answered long ago, under its once-only key.
 * `appended` is set where its events are in the user's stream: `now`, so that `stored` is the newest state, or `earlier`.
 */
export type Changed =
  | { outcome: 'done'; stored: StoredUser; view_count?: number; appended?: 'now' | 'earlier' }
  | { outcome: 'answered'; answered: Answered };

export interface UserRepository {
  /**
   * Loads, decides, appends, retries: the whole life of a command, in one transaction with its neighbours.
   * @throws Problem what `decide` refused, a taken key, or the store's absence
   */
  update(change: Change): Promise<Changed>;
  /** The current state, maybe from a cache: never older than this process's own writes, and a second behind others at most. `fresh` asks the database. */
  find(userId: UserId, options?: { fresh?: boolean }): Promise<StoredUser | null>;
  /** The state as it was at `version`. */
  findAt(userId: UserId, version: number): Promise<StoredUser | null>;
  /** The user's events with a version beyond `from`: greater, oldest first, or with `desc` lower, newest first. */
  history(userId: UserId, from: number, limit: number, order?: 'asc' | 'desc'): Promise<LoggedEvent[]>;
}
