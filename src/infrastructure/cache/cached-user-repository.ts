import { LRUCache } from 'lru-cache';
import type { StoredUser, UserRepository } from '../../domain/repositories/user-repository.ts';
import { sizeOf } from '../../domain/size-of.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';
import { gate } from '../concurrency/gate.ts';
import { singleFlightBy } from '../concurrency/single-flight.ts';
import { failpoint } from '../failpoint.ts';
import { retriedRead } from '../persistence/database/retried-read.ts';
import type { EventStore } from '../persistence/event-store/event-store.ts';
import type { UnitOfWork } from '../persistence/event-store/unit-of-work.ts';
import type { UserCache } from './user-cache.ts';

/** Reads of a user's past take as long as it is, so they are few at a time; what was folded is kept for the next ones. */
const PAST = { atOnce: 4, waiting: 128, waitMs: 2_000 };
const FOLDED_BYTES = 4 * 1_048_576;
const FOLDED_MS = 10_000;
/** Versions between two states that are kept. */
const STEP = 500;

export const userRepository = (store: EventStore, unitOfWork: UnitOfWork, cache: UserCache): UserRepository => {
  const inTurn = gate(PAST);
  const replays = singleFlightBy<StoredUser | null>();
  // A state of the past never changes, in one log.
  const folded = new LRUCache<string, StoredUser>({
    maxSize: FOLDED_BYTES,
    sizeCalculation: ({ user }) => 256 + sizeOf(user),
    ttl: FOLDED_MS,
  });

  const keyOf = (userId: UserId, version: number): string => `${cache.era()} ${userId} ${version}`;

  const foldedAt = async (userId: UserId, version: number): Promise<StoredUser | null> => {
    const era = cache.era();
    let step = Math.floor(version / STEP) * STEP;
    let known = folded.get(keyOf(userId, version)) ?? null;
    for (; known === null && step > 0; step -= STEP) known = folded.get(keyOf(userId, step)) ?? null;
    while ((known?.version ?? 0) < version) {
      const next: number = Math.min(version, (Math.floor((known?.version ?? 0) / STEP) + 1) * STEP);
      const found: StoredUser | null = await retriedRead(() => store.readAt(userId, next, known));
      if (era !== cache.era()) return foldedAt(userId, version);
      if (found === null || found.version < next) return found;
      folded.set(keyOf(userId, next), found);
      known = found;
    }
    return known;
  };
  return {
    async update(change) {
      const era = cache.era();
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
      if (appended === 'now' && era === cache.era()) cache.put(stored);
      else if (appended) cache.invalidate(stored.user_id, stored.version);
      return changed;
    },
    find: (userId, { fresh = false } = {}) => cache.find(userId, fresh),
    findAt: (userId, version) => replays(keyOf(userId, version), () => inTurn(() => foldedAt(userId, version))),
    // A history is not shared: whoever has just changed the user is to find that change.
    history: (...which) => inTurn(() => retriedRead(() => store.readStream(...which))),
  };
};
