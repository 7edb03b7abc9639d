import type { UserId } from '../value-objects/user-id.ts';

export type TaskStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

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

/** A task in the hands of a worker. */
export type ClaimedTask = Task & {
  input: unknown;
  if_match: readonly number[] | null;
  actor: string | null;
  correlation_id: string | null;
};

export interface TaskRepository {
  find(taskId: string): Promise<Task | null>;
  /** Takes up to `limit` due tasks for `leaseSeconds`: at most one of each user, in order of acceptance. */
  claim(owner: string, limit: number, leaseSeconds: number): Promise<ClaimedTask[]>;
  fail(taskId: string, problem: StoredProblem): Promise<void>;
  /** Gives the task back, to be tried again after `delaySeconds`. */
  retry(taskId: string, delaySeconds: number): Promise<void>;
  /** Makes tasks of workers that are known to be gone claimable at once. */
  releaseAll(): Promise<void>;
  /** Removes what has been kept long enough: ended tasks after 7 days, once-only records after 24 hours. */
  sweep(): Promise<void>;
}
