import type { LiveFeed } from '../../application/feed/live-feed.ts';
import type { HistoryRequest } from '../../application/queries/get-history.ts';
import type { SeenProfile } from '../../application/queries/get-profile.ts';
import type { ListRequest } from '../../application/queries/list-users.ts';
import type { Answer, CommandRequest } from '../../application/services/user-service.ts';
import type { Task } from '../../application/tasks/task.ts';
import type { Viewer } from '../../domain/entities/profile-view.ts';
import type { Problem } from '../../domain/problem.ts';
import type { LoggedEvent, StoredUser } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';

type CheckState = 'ok' | 'lagging' | 'unavailable';
/** Where it answers and takes no changes, `read-only` or `busy`. */
type StoreState = 'ok' | 'read-only' | 'busy' | 'unavailable';
/** What others have set up, or lost, so that events do not reach who waits for them. */
type EventsState = CheckState | 'drops-unread';

/** How a process and what it depends on are doing; of that, what is configured. No counts: anybody may ask. */
export type HealthReport = {
  checks: { store: StoreState; cache?: CheckState; events?: EventsState; relay?: 'ahead-of-log'; tasks?: CheckState };
};

/** What every process tells about itself. */
export interface Health {
  state(): 'starting' | 'serving' | 'stopping';
  /** Why the process does not serve yet, or null. */
  startProblem(): Problem | null;
  /** @throws Problem while the process cannot serve: starting, stopping, or without its store */
  checkReady(): Promise<void>;
  health(): Promise<HealthReport>;
  /** In the text format of Prometheus. */
  metrics(): Promise<string>;
  /** Counts a request as in progress, until what it returns is called. */
  beginRequest(): () => void;
  /** A request was answered with this, which passes. */
  unserved(problem: Problem): void;
  /** Counts a request. `route` is the pattern, never the URL. */
  observeRequest(method: string, route: string, status: number, ms: number): void;
}

/** Follows requests through everything that they lead to. */
export interface Traces {
  /** Begins to follow a request, which may be part of a trace already; null where it is not recorded. `route` is the pattern, never the URL. */
  request(method: string, route: string | null, traceparent: unknown): TracedRequest | null;
}

export interface TracedRequest {
  readonly traceId: string;
  /** What `work` begins, also later, belongs to the trace. */
  run(work: () => void): void;
  /** `status` is null where the client left before it was answered. */
  end(status: number | null): void;
}

/** What the API needs of the application. The container makes it; tests may make another. */
export interface Api extends Health {
  execute(request: CommandRequest): Promise<Answer>;
  accept(request: CommandRequest): Promise<Answer>;
  /** `fresh` asks the database and no cache. */
  getById(userId: UserId, options?: { fresh?: boolean }): Promise<StoredUser>;
  getHistory(userId: UserId, request: HistoryRequest): Promise<{ events: LoggedEvent[]; next: number | null }>;
  getProfile(userId: UserId, viewerId: UserId | null): Promise<SeenProfile>;
  getProfileViews(userId: UserId, before: number | null, limit: number): Promise<{ count: number; viewers: Viewer[]; next: number | null }>;
  listUsers(request: ListRequest): Promise<{ users: StoredUser[]; next: number | null }>;
  getTask(taskId: string): Promise<Task>;
  /** The task once it has ended, or as it is after `ms`. */
  awaitTask(taskId: string, ms: number): Promise<Task>;
  liveFeed: LiveFeed;
  /** Null, or left out, where nobody collects traces. */
  traces?: Traces | null;
  now(): Date;
  newUserId(): string;
  hash(text: string): string;
}
