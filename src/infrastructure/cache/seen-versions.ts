import type { EventFeed, EventPage, PublicEvent } from '../../application/feed/event-feed.ts';
import type { TaskRepository } from '../../application/tasks/task.ts';
import type { StoredUser } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';
import type { EventStore } from '../persistence/event-store/event-store.ts';
import { userIdOfStream } from '../persistence/event-store/stream-name.ts';
import type { UserCache } from './user-cache.ts';

type Tasks = Pick<TaskRepository, 'find'>;

/**
 * A reader that passes the cache by tells it which versions it has seen: a client that was told of one, by a refusal, a list, a task
 * or an event, is then served nothing older here, although the cache hears of it from the log only in a moment. A read that began in an earlier
 * era tells nothing: what it has seen may be lost.
 */
export const seenVersions = ({ invalidate, era }: Pick<UserCache, 'invalidate' | 'era'>) => {
  const reading = async <T>(read: () => Promise<T>, versionsIn: (found: T) => Iterable<readonly [UserId, number]>): Promise<T> => {
    const since = era();
    const found = await read();
    if (since === era()) for (const [userId, version] of versionsIn(found)) invalidate(userId, version);
    return found;
  };
  const ofUsers = function* (found: Iterable<StoredUser | Error | null>) {
    for (const user of found) if (user && !(user instanceof Error)) yield [user.user_id, user.version] as const;
  };
  const ofEvents = function* (found: readonly Pick<PublicEvent, 'stream' | 'version'>[]) {
    for (const { stream, version } of found) {
      const userId = userIdOfStream(stream);
      if (userId !== null) yield [userId, version] as const;
    }
  };
  const ofPage = ({ events }: EventPage) => ofEvents(events);

  return {
    store: (store: EventStore): EventStore => ({
      ...store,
      load: (userIds) =>
        reading(
          () => store.load(userIds),
          (found) => ofUsers(found.values()),
        ),
      list: (condition, values) =>
        reading(
          () => store.list(condition, values),
          ({ users }) => ofUsers(users),
        ),
      readStream: (...which) => reading(() => store.readStream(...which), ofEvents),
    }),

    feed: (feed: EventFeed): EventFeed => ({
      ...feed,
      read: (...which) => reading(() => feed.read(...which), ofPage),
      readOf: (...which) => reading(() => feed.readOf(...which), ofPage),
    }),

    /** `counts`: whether the result of such a task is another number than the user's version. */
    tasks: (tasks: Tasks, counts: (command: string) => boolean): Tasks => ({
      find: (taskId) =>
        reading(
          () => tasks.find(taskId),
          (task) => {
            const version = task && !counts(task.command) ? (task.result_version ?? task.error?.version) : null;
            return task && version ? [[task.user_id, version]] : [];
          },
        ),
    }),
  };
};
