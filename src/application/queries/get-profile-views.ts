import { present } from '../../domain/aggregates/user.ts';
import type { Viewer } from '../../domain/entities/profile-view.ts';
import type { ProfileViewRepository } from '../../domain/repositories/profile-view-repository.ts';
import type { UserRepository } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';

/**
 * The exact count of views and one page of recent viewers; `next` is the position to go on before.
 * @throws Problem user-not-found, user-deleted
 */
export const getProfileViews =
  (users: Pick<UserRepository, 'find'>, views: Pick<ProfileViewRepository, 'recent'>) =>
  async (userId: UserId, before: number | null, limit: number): Promise<{ count: number; viewers: Viewer[]; next: number | null }> => {
    present((await users.find(userId))?.user ?? null);
    const { count, viewers } = await views.recent(userId, before, limit + 1);
    const page = viewers.slice(0, limit);
    return { count, viewers: page, next: viewers.length > limit ? (page.at(-1)?.position ?? null) : null };
  };
