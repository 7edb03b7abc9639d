import { present } from '../../domain/aggregates/user.ts';
import type { LoggedEvent, UserRepository } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';

/** `from` is the version to go on beyond, or null for the first page. */
export type HistoryRequest = { sort: 'version' | '-version'; from: number | null; limit: number };

/** Above every version: of a column of type integer. */
const END = 2_147_483_647;

/**
 * One page of a user's events, oldest or newest first; `next` is the version to go on beyond.
 * @throws Problem user-not-found, user-deleted
 */
export const getHistory =
  (users: Pick<UserRepository, 'find' | 'history'>) =>
  async (userId: UserId, { sort, from, limit }: HistoryRequest): Promise<{ events: LoggedEvent[]; next: number | null }> => {
    const stored = await users.find(userId);
    present(stored?.user ?? null);
    const newestFirst = sort === '-version';
    const events = await users.history(userId, from ?? (newestFirst ? END : 0), limit + 1, newestFirst ? 'desc' : 'asc');
    const page = events.slice(0, limit);
    return { events: page, next: events.length > limit ? (page.at(-1)?.version ?? null) : null };
  };
