import { LRUCache } from 'lru-cache';
import type { StoredUser } from '../../domain/repositories/user-repository.ts';
import { sizeOf } from '../../domain/size-of.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';

/** `stored` is null for a tombstone: what is older than `version` must not come back. */
type Entry = { version: number; stored: StoredUser | null };

const MAX_USERS = 10_000;
/** In memory, as `sizeOf` counts; a user whose answer was rendered has that beside it. */
const MAX_BYTES = 32 * 1_048_576;

type Options = {
  /** `fresh`: from the database, whatever there may be between. */
  load: (userId: UserId, fresh: boolean) => Promise<StoredUser | null>;
  /** How long an entry may be served without being told that it still stands; 0 where every write passes through here. */
  maxAgeMs: number;
  /** Whether what invalidates the cache is up to date; while it is not, nothing is served from here. */
  trusted: () => boolean;
  /**
   * Told where the store has an older version of a user than it had, which no log that only grows can lead to. Forgets everything
   * where that is so.
   */
  onOlder?: () => Promise<void>;
  onHit?: () => void;
};

/**
 * The first level: users in this process. Entries carry the stream's version, and a newer one is never replaced by an
 * older one; an invalidation leaves a tombstone. One load per user at a time; a load that a write, an invalidation or a
 * fresh read has overtaken may be older than what they said, so it leaves no more than a tombstone of its own.
 *
 * All of this is true of one log. Where the log turns out to be another one, an era ends: everything is forgotten, the versions too,
 * and what was asked for before is asked for again.
 */
export const userCache = ({ load, maxAgeMs, trusted, onOlder = async () => {}, onHit }: Options) => {
  // An entry that is too old to be served still says which version there is.
  const entries = new LRUCache<UserId, Entry>({
    max: MAX_USERS,
    maxSize: MAX_BYTES,
    sizeCalculation: ({ stored }) => 256 + (stored === null ? 0 : sizeOf(stored.user)),
    ttl: maxAgeMs,
    allowStale: true,
    noDeleteOnStaleGet: true,
  });
  /** The load of each user that readers may join. */
  const loading = new Map<UserId, Promise<StoredUser | null>>();
  let era = 0;

  const versionOf = (userId: UserId): number => entries.peek(userId)?.version ?? 0;

  const put = (stored: StoredUser): void => {
    const known = entries.peek(stored.user_id);
    if (known && known.version > stored.version) return;
    // The object that is there is kept: what was made of it is kept with it.
    const same = known?.version === stored.version && known.stored?.user.updated_at === stored.user.updated_at;
    entries.set(stored.user_id, { version: stored.version, stored: same ? known.stored : stored });
    loading.delete(stored.user_id);
  };

  /** `at`: when the version came to be; another one under this number is of another log. */
  const invalidate = (userId: UserId, version: number, at?: Date): void => {
    const known = entries.peek(userId);
    const isAnother = at !== undefined && known?.version === version && known.stored && known.stored.user.updated_at !== at.toISOString();
    if (known && known.version >= version && !isAnother) return;
    // Nothing is older than a first version, and an import brings many.
    if (version > 1) entries.set(userId, { version, stored: null });
    loading.delete(userId);
  };

  const reload = (userId: UserId, fresh: boolean): Promise<StoredUser | null> => {
    const underWay = loading.get(userId);
    if (underWay) return underWay;
    const [since, known] = [era, versionOf(userId)];
    const promise: Promise<StoredUser | null> = load(userId, fresh)
      .then(async (stored) => {
        if (since === era && (stored?.version ?? 0) < known) await onOlder();
        if (since !== era) return find(userId, fresh);
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

  const find = (userId: UserId, fresh: boolean): Promise<StoredUser | null> => {
    const unaware = fresh || !trusted();
    const stored = unaware ? null : entries.get(userId, { allowStale: false })?.stored;
    if (stored) {
      onHit?.();
      return Promise.resolve(stored);
    }
    // A write that overtook the load under way may not have been announced to this cache.
    if (unaware) loading.delete(userId);
    return reload(userId, fresh);
  };

  return {
    put,
    invalidate,
    /** The user from the cache or else from the store; `fresh` asks the store in any case. */
    find,
    /** The newest version that is known of here, served or not; 0 where none is. */
    versionOf,
    /** How often everything was forgotten. What was begun in an earlier era says nothing about this one. */
    era: (): number => era,
    /** Nothing that is known counts, the versions included. */
    forget: (): void => {
      era++;
      entries.clear();
      loading.clear();
    },
  };
};

export type UserCache = ReturnType<typeof userCache>;
