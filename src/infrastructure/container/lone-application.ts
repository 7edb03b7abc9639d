import { randomBytes, randomUUID } from 'node:crypto';
import { userService } from '../../application/services/user-service.ts';
import type { TaskRef } from '../../application/tasks/task.ts';
import { runUserCommand } from '../../application/tasks/user-command.ts';
import type { StoredUser } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';
import { userRepository } from '../cache/cached-user-repository.ts';
import { userCache } from '../cache/user-cache.ts';
import { batchLoader } from '../concurrency/batch-loader.ts';
import type { Database } from '../persistence/database/database.ts';
import { retriedRead } from '../persistence/database/retried-read.ts';
import type { EventStore } from '../persistence/event-store/event-store.ts';
import { UnitOfWork } from '../persistence/event-store/unit-of-work.ts';
import { taskRepository } from '../persistence/repositories/task-repository.ts';
import { retrySeconds } from '../tasks/task-runner.ts';

type Options = { now: () => Date; wake?: (task: TaskRef) => void };

/**
 * Commands on a store and nothing else: no caches, servers or background work, so that it may run beside the service itself.
 * Tasks are accepted, and run by whoever claims them.
 */
export const loneApplication = (database: Database, store: EventStore, { now, wake = () => {} }: Options) => {
  const unitOfWork = new UnitOfWork(store);
  const load = batchLoader<UserId, StoredUser>((userIds) => retriedRead(() => store.load(userIds)));
  // Another application may write to the same database, so nothing is served from the cache.
  const users = userRepository(store, unitOfWork, userCache({ load, maxAgeMs: 0, trusted: () => false }));
  const tasks = taskRepository(database);
  const service = userService({ users, tasks, now, newUuid: randomUUID, randomBytes, wake });
  return { unitOfWork, users, tasks, service, runTask: runUserCommand(service, tasks, retrySeconds) };
};

export type LoneApplication = ReturnType<typeof loneApplication>;
