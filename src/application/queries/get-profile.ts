import { present } from '../../domain/aggregates/user.ts';
import { type Profile, profileFor, relationOf } from '../../domain/entities/profile.ts';
import { Problem } from '../../domain/problem.ts';
import type { ProfileViewRepository } from '../../domain/repositories/profile-view-repository.ts';
import type { UserRepository } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';

export type SeenProfile = Profile & { user_id: UserId; profile_views: number | null };

/**
 * The profile as `viewerId` may see it; null is an anonymous viewer.
 * @throws Problem user-not-found (also where the profile may not be seen), user-deleted
 */
export const getProfile =
  (users: Pick<UserRepository, 'find'>, views: Pick<ProfileViewRepository, 'count'>) =>
  async (userId: UserId, viewerId: UserId | null): Promise<SeenProfile> => {
    const [stored, viewer] = await Promise.all([users.find(userId), viewerId === null ? null : users.find(viewerId)]);
    const user = present(stored?.user ?? null);
    const profile = profileFor(user, relationOf(userId, viewerId, viewer?.user ?? null));
    if (profile === null) throw new Problem('user-not-found');
    return { user_id: userId, ...profile, profile_views: profile.shows_profile_views ? await views.count(userId) : null };
  };
