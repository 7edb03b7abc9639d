import type { StoredUser, UserRepository } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';
import { available } from './available.ts';
import { coalesce } from './coalesce.ts';
import type { EventStore } from './event-store.ts';
import type { UnitOfWork } from './unit-of-work.ts';

export const userRepository = (store: EventStore, unitOfWork: UnitOfWork): UserRepository => {
  const load = coalesce<UserId, StoredUser>((userIds) => available(() => store.load(userIds)));
  return {
    update: (change) => unitOfWork.run(change),
    find: load,
    findAt: (userId, version) => available(() => store.readAt(userId, version)),
    history: (userId, after, limit) => available(() => store.readStream(userId, after, limit)),
  };
};
