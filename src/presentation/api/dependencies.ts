import type { SeenProfile } from '../../application/queries/get-profile.ts';
import type { ListRequest } from '../../application/queries/list-users.ts';
import type { Answer, CommandRequest } from '../../application/services/user-service.ts';
import type { Viewer } from '../../domain/entities/profile-view.ts';
import type { Task } from '../../domain/repositories/task-repository.ts';
import type { LoggedEvent, StoredUser } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';

/** What the API needs of the application. The container makes it; tests may make another. */
export interface Api {
  execute(request: CommandRequest): Promise<Answer>;
  accept(request: CommandRequest): Promise<Answer>;
  /** `fresh` asks the database and no cache. */
  getById(userId: UserId, options?: { fresh?: boolean }): Promise<StoredUser>;
  getHistory(userId: UserId, after: number, limit: number): Promise<{ events: LoggedEvent[]; next: number | null }>;
  getProfile(userId: UserId, viewerId: UserId | null): Promise<SeenProfile>;
  getProfileViews(userId: UserId, before: number | null, limit: number): Promise<{ count: number; viewers: Viewer[]; next: number | null }>;
  listUsers(request: ListRequest): Promise<{ users: StoredUser[]; next: number | null }>;
  getTask(taskId: string): Promise<Task>;
  /** The task once it has ended, or as it is after `ms`. */
  awaitTask(taskId: string, ms: number): Promise<Task>;
  now(): Date;
  newUserId(): string;
  hash(text: string): string;
  state(): 'starting' | 'serving' | 'stopping';
  checkReady(): Promise<void>;
}
