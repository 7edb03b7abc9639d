import { LRUCache } from 'lru-cache';
import type { StoredUser } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';

/** `stored` is null for a tombstone: what is older than `version` must not come back. */
type Entry = { version: number; stored: StoredUser | null };

const MAX_USERS = 10_000;

type Options = {
  /** `fresh`: from the database, whatever there may be between. */
  load: (userId: UserId, fresh: boolean) => Promise<StoredUser | null>;
  /** How long an entry may be served without being told that it still stands; 0 where every write passes through here. */
  maxAgeMs: number;
  /** Whether what invalidates the cache is up to date; while it is not, nothing is served from here. */
  trusted: () => boolean;
  onHit?: () => void;
};

/**
 * The first level: users in this process. Entries carry the stream's version, and a newer one is never replaced by an
 * older one; an invalidation leaves a tombstone. One load per user at a time; a load that a write, an invalidation or a
 * fresh read has overtaken may be older than what they said, so it leaves no more than a tombstone of its own.
 */
export const userCache = ({ load, maxAgeMs, trusted, onHit }: Options) => {
  // An entry that is too old to be served still says which version there is.
  const entries = new LRUCache<UserId, Entry>({ max: MAX_USERS, ttl: maxAgeMs, allowStale: true, noDeleteOnStaleGet: true });
  /** The load of each user that readers may join. */
  const loading = new Map<UserId, Promise<StoredUser | null>>();

  const put = (stored: StoredUser): void => {
    const known = entries.peek(stored.user_id);
    if (known && known.version > stored.version) return;
    // The object that is there is kept: what was made of it is kept with it.
    const same = known?.version === stored.version ? known.stored : null;
    entries.set(stored.user_id, { version: stored.version, stored: same ?? stored });
    loading.delete(stored.user_id);
  };

  const invalidate = (userId: UserId, version: number): void => {
    const known = entries.peek(userId);
    if (known && known.version >= version) return;
    // Nothing is older than a first version, and an import brings many.
    if (version > 1) entries.set(userId, { version, stored: null });
    loading.delete(userId);
  };

  const reload = (userId: UserId, fresh: boolean): Promise<StoredUser | null> => {
    const underWay = loading.get(userId);
    if (underWay) return underWay;
    const promise: Promise<StoredUser | null> = load(userId, fresh)
      .then((stored) => {
        if (stored === null) return null;
        if (loading.get(userId) === promise) put(stored);
        else invalidate(userId, stored.version);
        const newest = entries.peek(userId)?.stored;
        return newest && newest.version > stored.version ? newest : stored;
      })
      .finally(() => {
        if (loading.get(userId) === promise) loading.delete(userId);
      });
    loading.set(userId, promise);
    return promise;
  };

  return {
    put,
    invalidate,
    /** The user from the cache or else from the store; `fresh` asks the store in any case. */
    find: (userId: UserId, fresh: boolean): Promise<StoredUser | null> => {
      const unaware = fresh || !trusted();
      const stored = unaware ? null : entries.get(userId, { allowStale: false })?.stored;
      if (stored) {
        onHit?.();
        return Promise.resolve(stored);
      }
      // A write that overtook the load under way may not have been announced to this cache.
      if (unaware) loading.delete(userId);
      return reload(userId, fresh);
    },
    /** The newest version that is known of here, served or not; 0 where none is. */
    versionOf: (userId: UserId): number => entries.peek(userId)?.version ?? 0,
    /** Serves nothing of what is there; the versions stay known. */
    clear: (): void => {
      entries.forEach((entry) => {
        entry.stored = null;
      });
      loading.clear();
    },
  };
};

export type UserCache = ReturnType<typeof userCache>;
