import type { UserRepository } from '../../domain/repositories/user-repository.ts';
import type { UserCache } from '../cache/user-cache.ts';
import { available } from './available.ts';
import type { EventStore } from './event-store.ts';
import type { UnitOfWork } from './unit-of-work.ts';

export const userRepository = (store: EventStore, unitOfWork: UnitOfWork, cache: UserCache): UserRepository => ({
  async update(change) {
    const changed = await unitOfWork.run(change);
    if (changed.outcome !== 'done') return changed;
    // A client reads its own write on this process at once. Of an earlier run it is not known what came after it.
    const { stored, appended } = changed;
    if (appended === 'now') cache.put(stored);
    if (appended === 'earlier') cache.invalidate(stored.user_id, stored.version);
    return changed;
  },
  find: (userId, { fresh = false } = {}) => cache.find(userId, fresh),
  findAt: (userId, version) => available(() => store.readAt(userId, version)),
  history: (userId, after, limit) => available(() => store.readStream(userId, after, limit)),
});
