import type { EventFeed, PublicEvent } from '../../application/feed/event-feed.ts';
import type { TaskRepository } from '../../application/tasks/task.ts';
import type { StoredUser } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';
import type { EventStore } from '../persistence/event-store/event-store.ts';
import { userIdOfStream } from '../persistence/event-store/stream-name.ts';

type Tasks = Pick<TaskRepository, 'find'>;

/**
 * A reader that passes the cache by tells it which versions it has seen: a client that was told of one, by a refusal, a list, a task
 * or an event, is then served nothing older here, although the cache hears of it from the log only in a moment.
 */
export const seenVersions = (report: (userId: UserId, version: number) => void) => {
  const users = (found: Iterable<StoredUser | Error | null>): void => {
    for (const user of found) if (user && !(user instanceof Error)) report(user.user_id, user.version);
  };
  const events = <T extends Pick<PublicEvent, 'stream' | 'version'>>(found: T[]): T[] => {
    for (const { stream, version } of found) {
      const userId = userIdOfStream(stream);
      if (userId !== null) report(userId, version);
    }
    return found;
  };

  return {
    store: (store: EventStore): EventStore => ({
      ...store,
      async load(userIds) {
        const found = await store.load(userIds);
        users(found.values());
        return found;
      },
      async list(condition, values) {
        const page = await store.list(condition, values);
        users(page.users);
        return page;
      },
      readStream: async (...which) => events(await store.readStream(...which)),
    }),

    feed: (feed: EventFeed): EventFeed => ({
      ...feed,
      read: async (...which) => events(await feed.read(...which)),
      readOf: async (...which) => events(await feed.readOf(...which)),
    }),

    /** `counts`: whether the result of such a task is another number than the user's version. */
    tasks: (tasks: Tasks, counts: (command: string) => boolean): Tasks => ({
      async find(taskId) {
        const task = await tasks.find(taskId);
        const version = task && !counts(task.command) ? (task.result_version ?? task.error?.version) : null;
        if (task && version) report(task.user_id, version);
        return task;
      },
    }),
  };
};
