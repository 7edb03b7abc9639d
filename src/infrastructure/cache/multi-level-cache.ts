import type { Problem } from '../../domain/problem.ts';
import type { StoredUser } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';
import { batchLoader } from '../concurrency/batch-loader.ts';
import type { Redis } from '../connections/redis.ts';
import type { Database } from '../persistence/database/database.ts';
import { type Apply, LogInvalidation } from './log-invalidation.ts';
import { redisUsers } from './redis-users.ts';
import { userCache } from './user-cache.ts';

/** The longest that a cached user is served from this process where it may not be told of every change, should all else fail. */
const MAX_AGE_MS = 2_000;

type Options = {
  database: Pick<Database, 'exclusive' | 'query'>;
  loadMany: (userIds: UserId[]) => Promise<Map<UserId, StoredUser | Problem>>;
  redis: Redis | null;
  /** Tells apart the databases that share a Redis. Asked from `start` on. */
  deployment: () => string;
  /** A keyed hash, of the same key in every process. */
  hash: (text: string) => string;
  onError: (error: unknown) => void;
};

/**
 * Users in this process, over users in Redis, over the database. Writes go to the first level; everything else that makes a
 * level right comes from the log, and each is trusted only while it follows it. Where no other process writes, the first
 * level needs to follow nothing, and there is nobody to share a second one with.
 */
export const multiLevelCache = ({ database, loadMany, redis, deployment, hash, onError }: Options) => {
  /** Answers from this process, answers from Redis, users loaded from the database; and values in Redis that were not ours. */
  const counts = { l1_hits: 0, redis_hits: 0, misses: 0, rejected: 0 };

  /** A rebuild changes rows without events; and what was loaded before the first look may have changed before it. */
  const clearing = (apply: Apply): Apply => {
    let generation: number | null = null;
    return async (page) => {
      const position = await apply(page);
      if (position !== null && generation !== page.generation) {
        generation = page.generation;
        levelOne.clear();
      }
      return position;
    };
  };

  const log = database.exclusive
    ? null
    : new LogInvalidation(
        database,
        clearing(async ({ changes, to }) => {
          for (const [userId, version] of changes) levelOne.invalidate(userId, version);
          return to;
        }),
        onError,
      );
  const levelTwo =
    redis && !database.exclusive
      ? redisUsers({ redis, deployment, hash, trusted: (): boolean => redisLog?.trusted() ?? false, onRejected: () => counts.rejected++ })
      : null;
  const redisLog: LogInvalidation | null = levelTwo && new LogInvalidation(database, clearing(levelTwo.follow), onError);

  const fromDatabase = batchLoader((userIds: UserId[]) => {
    counts.misses += userIds.length;
    return loadMany(userIds);
  });
  const fromRedis = levelTwo && batchLoader(levelTwo.read);

  const load = async (userId: UserId, fresh: boolean): Promise<StoredUser | null> => {
    const era = levelTwo?.era();
    const found = fresh ? null : await fromRedis?.(userId);
    if (found && found.version >= levelOne.versionOf(userId)) {
      counts.redis_hits++;
      return found;
    }
    const stored = await fromDatabase(userId);
    if (stored && era && stored.version >= levelOne.versionOf(userId)) levelTwo?.loaded(era, stored);
    return stored;
  };

  const levelOne = userCache({
    load,
    maxAgeMs: database.exclusive ? 0 : MAX_AGE_MS,
    trusted: log?.trusted ?? (() => true),
    onHit: () => counts.l1_hits++,
  });

  const followers = [log, redisLog].filter((follower) => follower !== null);
  return {
    cache: levelOne,
    /** This version was seen in the database. Where no other process writes, the cache has it already. */
    seen: database.exclusive ? () => {} : levelOne.invalidate,
    counts: (): Readonly<typeof counts> => counts,
    /** What keeps each level true, one for each that needs it. */
    followers,
    /** Looks at the end of the log, so that what overtakes a write that begins later will be seen. @throws StoreFailure */
    prepare: async (): Promise<void> => {
      await log?.follow();
    },
    /** Begins to follow the log; until then every read goes to the database, unless no other process writes. */
    start: (): void => {
      for (const follower of followers) follower.start();
    },
    stop: async (): Promise<void> => {
      await Promise.all(followers.map((follower) => follower.stop()));
    },
  };
};
