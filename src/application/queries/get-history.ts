import { present } from '../../domain/aggregates/user.ts';
import type { LoggedEvent, UserRepository } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';

/**
 * One page of a user's events, oldest first, after version `after`; `next` is the version to go on after.
 * @throws Problem user-not-found, user-deleted
 */
export const getHistory =
  (users: Pick<UserRepository, 'find' | 'history'>) =>
  async (userId: UserId, after: number, limit: number): Promise<{ events: LoggedEvent[]; next: number | null }> => {
    const stored = await users.find(userId);
    present(stored?.user ?? null);
    const events = await users.history(userId, after, limit + 1);
    const page = events.slice(0, limit);
    return { events: page, next: events.length > limit ? (page.at(-1)?.version ?? null) : null };
  };
