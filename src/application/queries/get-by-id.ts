import { present } from '../../domain/aggregates/user.ts';
import { Problem } from '../../domain/problem.ts';
import type { StoredUser, UserRepository } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';

/** @throws Problem user-not-found, user-deleted */
export const getById =
  (users: Pick<UserRepository, 'find'>) =>
  async (userId: UserId, options?: { fresh?: boolean }): Promise<StoredUser> => {
    const stored = await users.find(userId, options);
    if (stored === null) throw new Problem('user-not-found');
    present(stored.user);
    return stored;
  };
