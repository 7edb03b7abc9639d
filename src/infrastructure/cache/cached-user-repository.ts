import type { UserRepository } from '../../domain/repositories/user-repository.ts';
import { failpoint } from '../failpoint.ts';
import { retriedRead } from '../persistence/database/retried-read.ts';
import type { EventStore } from '../persistence/event-store/event-store.ts';
import type { UnitOfWork } from '../persistence/event-store/unit-of-work.ts';
import type { UserCache } from './user-cache.ts';

export const userRepository = (store: EventStore, unitOfWork: UnitOfWork, cache: UserCache): UserRepository => ({
  async update(change) {
    const changed = await unitOfWork.run(change);
    await failpoint('cache.invalidate');
    // A client reads its own write on this process at once. Of an earlier run it is not known what came after it.
    if (changed.outcome === 'answered') {
      const { user_id, version } = changed.answered;
      // The version that a view was answered with is a count.
      if (change.viewer_id === undefined) cache.invalidate(user_id, version);
      return changed;
    }
    const { stored, appended } = changed;
    if (appended === 'now') cache.put(stored);
    if (appended === 'earlier') cache.invalidate(stored.user_id, stored.version);
    return changed;
  },
  find: (userId, { fresh = false } = {}) => cache.find(userId, fresh),
  findAt: (userId, version) => retriedRead(() => store.readAt(userId, version)),
  history: (userId, after, limit) => retriedRead(() => store.readStream(userId, after, limit)),
});
