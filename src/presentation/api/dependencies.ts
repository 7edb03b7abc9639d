import type { Answer, CommandRequest } from '../../application/services/user-service.ts';
import type { Task } from '../../domain/repositories/task-repository.ts';
import type { LoggedEvent, StoredUser } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';

/** What the API needs of the application. The container makes it; tests may make another. */
export interface Api {
  execute(request: CommandRequest): Promise<Answer>;
  accept(request: CommandRequest): Promise<Answer>;
  getById(userId: UserId): Promise<StoredUser>;
  getHistory(userId: UserId, after: number, limit: number): Promise<{ events: LoggedEvent[]; next: number | null }>;
  getTask(taskId: string): Promise<Task>;
  /** The task once it has ended, or as it is after `ms`. */
  awaitTask(taskId: string, ms: number): Promise<Task>;
  now(): Date;
  newUserId(): string;
  hash(text: string): string;
  state(): 'starting' | 'serving' | 'stopping';
  checkReady(): Promise<void>;
}
