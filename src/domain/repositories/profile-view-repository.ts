import type { Viewer } from '../entities/profile-view.ts';
import type { UserId } from '../value-objects/user-id.ts';

export interface ProfileViewRepository {
  /** How many views of the user counted. */
  count(userId: UserId): Promise<number>;
  /** Who viewed the user, latest first, each viewer once; those before position `before`. Deleted viewers are left out. */
  recent(userId: UserId, before: number | null, limit: number): Promise<{ count: number; viewers: Viewer[] }>;
}
