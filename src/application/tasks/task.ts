import type { UserId } from '../../domain/value-objects/user-id.ts';

/** The last words on a task: it never changes again. */
export const endedStatuses = ['succeeded', 'failed', 'cancelled'] as const;

export const taskStatuses = ['queued', 'running', ...endedStatuses] as const;

export type TaskStatus = (typeof taskStatuses)[number];

/** A problem as a task keeps it: what a synchronous answer would have said. */
export type StoredProblem = {
  code: string;
  detail?: string;
  errors?: { pointer: string; code: string; detail: string }[];
  version?: number;
};

export type Task = Readonly<{
  task_id: string;
  command: string;
  user_id: UserId;
  status: TaskStatus;
  attempts: number;
  created_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
  result_version: number | null;
  error: StoredProblem | null;
}>;

/** What a worker has to know of a task to find it; nothing personal. */
export type TaskRef = Pick<Task, 'task_id' | 'user_id' | 'command'>;

/** A task in the hands of a worker. Owner and attempt together name this one claim: whoever claims it later has another pair. */
export type ClaimedTask = Task & {
  lease_owner: string;
  input: unknown;
  if_match: readonly number[] | null;
  actor: string | null;
  correlation_id: string | null;
  /** W3C Trace Context of the request that was accepted, where it was traced. */
  traceparent?: string | undefined;
};

export type Claim = Pick<ClaimedTask, 'task_id' | 'lease_owner' | 'attempts'>;

/**
 * Which due tasks: those of these users only; the ends of blocks only, whatever else their users have waiting; else those that
 * have been due for at least so many seconds, and those to which no message leads: ends of blocks, and what was tried before.
 */
export type ClaimFilter = { users?: readonly UserId[]; blockEnds?: boolean; overdueSeconds?: number };

export interface TaskRepository {
  find(taskId: string): Promise<Task | null>;
  /** Takes up to `limit` due tasks for `leaseSeconds`: at most one of each user, in order of acceptance. */
  claim(owner: string, limit: number, leaseSeconds: number, filter?: ClaimFilter): Promise<ClaimedTask[]>;
  /** Ends the task, and says whether it did: it does nothing where the task has ended or somebody else holds it by now. */
  fail(claim: Claim, problem: StoredProblem): Promise<boolean>;
  /** Gives the task back, to be tried again after `delaySeconds`. Does nothing where somebody else holds it by now. */
  retry(claim: Claim, delaySeconds: number): Promise<void>;
  /** Gives tasks back that `owner` claimed and did not begin, as if it had never claimed them. */
  release(owner: string, taskIds: readonly string[]): Promise<void>;
  /** Makes tasks of workers that are known to be gone claimable at once. */
  releaseAll(): Promise<void>;
  /** Removes some of what has been kept long enough: ended tasks after 7 days, once-only records after 24 hours. @returns whether there may be more */
  prune(): Promise<boolean>;
}
