import type { Problem } from '../../domain/problem.ts';
import type { StoredUser } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';
import type { AuthenticationCode } from '../authentication-code.ts';
import { batchLoader } from '../concurrency/batch-loader.ts';
import type { Outage } from '../concurrency/outage.ts';
import type { Redis } from '../connections/redis.ts';
import type { Database } from '../persistence/database/database.ts';
import type { LogChange } from '../persistence/log/seen-event.ts';
import { LogInvalidation, type LogPage } from './log-invalidation.ts';
import { redisUsers } from './redis-users.ts';
import { userCache } from './user-cache.ts';

/** The longest that a cached user is served from this process where it may not be told of every change, should all else fail. */
const MAX_AGE_MS = 2_000;
/** Far more than this process writes between two looks at the log. */
const MAX_UNFOLLOWED = 20_000;

type Options = {
  database: Pick<Database, 'exclusive' | 'query' | 'server' | 'onOtherServer'>;
  loadMany: (userIds: UserId[]) => Promise<Map<UserId, StoredUser | Problem>>;
  redis: Redis | null;
  /** Tells apart the databases that share a Redis. Asked from `start` on. */
  deployment: () => string;
  /** The code that users in Redis carry. */
  code: AuthenticationCode;
  /** Told where the log that is there is not the one that was. */
  onOtherLog?: (change: LogChange | null) => void;
  /** Told where the log cannot be followed, and where it can again. */
  away: Pick<Outage, 'report' | 'over'>;
};

/**
 * Users in this process, over users in Redis, over the database. Writes go to the first level; everything else that makes a
 * level right comes from the log, and each is trusted only while it is followed. Where no other process writes, the first
 * level needs to follow nothing, and there is nobody to share a second one with.
 *
 * A log can go back: a standby is promoted that lagged, or a backup restored. Then everything is forgotten, here at once, and in
 * Redis by a generation that was never used. Whenever the server is another one, what is known may be of changes that nobody
 * had followed yet and that are lost, so it is forgotten too.
 */
export const multiLevelCache = ({ database, loadMany, redis, deployment, code, onOtherLog = () => {}, away }: Options) => {
  /** Answers from this process, answers from Redis, users loaded from the database; and values in Redis that were not ours. */
  const counts = { l1_hits: 0, redis_hits: 0, misses: 0, rejected: 0 };
  let generation: number | null = null;
  /** Whether the next page is the first one of a log. */
  let anew = true;
  /** Each generation below may have been that of a log which is lost, also of the one that is there now, in an earlier life. */
  let unused = 0;

  /** What this process has written, and not found in the log yet. */
  const unfollowed = new Map<UserId, { version: number; writtenAt: number }>();

  const isUnused = (): boolean => (generation ?? 0) >= unused;

  /** By one process of those that notice; the others find another generation by then. */
  const raise = (from: number): void => {
    const never = "greatest($2, extract(epoch from now() - timestamptz '2026-01-01 00:00Z')::integer)";
    database.query(`update deployment set generation = ${never} where generation = $1`, [from, unused]).catch(away.report);
  };

  const apply = (page: LogPage): void => {
    for (const [userId, { version, at }] of page.changes) levelOne.invalidate(userId, version, at);
    levelTwo?.follow(page);
    // A rebuild changes rows without events; and what was loaded before the first look may have changed before it.
    if (anew || generation !== page.generation) levelOne.forget();
    anew = false;
    // What was put back brings the generation of its time along.
    if (generation !== null && page.generation < generation) unused = Math.max(unused, generation + 1);
    generation = page.generation;
    if (!isUnused()) raise(generation);
    if (page.first) unfollowed.clear();
    else if (hasLost(page)) goneBack(null);
  };

  /** Whether something that this process wrote is not in the log, where the page goes up to it. */
  const hasLost = ({ changes, completeAt }: LogPage): boolean => {
    for (const [userId, { version, writtenAt }] of unfollowed) {
      if ((changes.get(userId)?.version ?? 0) >= version) unfollowed.delete(userId);
      else if (completeAt !== null && writtenAt < completeAt) return true;
    }
    return false;
  };

  const forget = (): void => {
    anew = true;
    levelOne.forget();
    levelTwo?.forget();
  };

  const goneBack = (change: LogChange | null): void => {
    unused = Math.max(unused, (generation ?? 0) + 1);
    forget();
    unfollowed.clear();
    log?.forget();
    onOtherLog(change);
  };

  /** A user is older than it was. The log says what it has lost, if it is more than what nobody had followed yet. */
  const lookBack = async (): Promise<void> => {
    const era = levelOne.era();
    // The first round may be one that was under way.
    for (let round = 0; round < 2 && era === levelOne.era(); round++) await log?.follow().catch(away.report);
    if (era === levelOne.era()) goneBack(null);
  };

  const log = database.exclusive ? null : new LogInvalidation({ database, apply, onOtherLog: goneBack, away });
  const trusted = log?.trusted ?? ((): boolean => true);
  const place = (): string => `${deployment()}:${database.server()}`;
  const levelTwo =
    redis &&
    log &&
    redisUsers({
      redis,
      deployment: place,
      code,
      trusted: () => isUnused() && trusted(),
      onRejected: () => counts.rejected++,
    });
  database.onOtherServer(() => {
    forget();
    log?.distrust();
  });

  const fromDatabase = batchLoader((userIds: UserId[]) => {
    counts.misses += userIds.length;
    return loadMany(userIds);
  });
  const fromRedis = levelTwo && batchLoader(levelTwo.read);

  const load = async (userId: UserId, fresh: boolean): Promise<StoredUser | null> => {
    const era = levelOne.era();
    const moment = levelTwo?.moment();
    const found = fresh ? null : await fromRedis?.(userId);
    if (found && found.version >= levelOne.versionOf(userId)) {
      counts.redis_hits++;
      return found;
    }
    const stored = await fromDatabase(userId);
    if (stored && moment && era === levelOne.era() && stored.version >= levelOne.versionOf(userId)) levelTwo?.loaded(moment, stored);
    return stored;
  };

  const levelOne = userCache({
    load,
    maxAgeMs: database.exclusive ? 0 : MAX_AGE_MS,
    trusted,
    onOlder: lookBack,
    onHit: () => counts.l1_hits++,
  });

  return {
    cache: {
      ...levelOne,
      /** Takes in what this process has just written. */
      put: (stored: StoredUser): void => {
        levelOne.put(stored);
        if (log && unfollowed.size < MAX_UNFOLLOWED)
          unfollowed.set(stored.user_id, { version: stored.version, writtenAt: performance.now() });
      },
    },
    /** Takes in what was seen in the database. Where no other process writes, the cache has it already. */
    seen: { era: levelOne.era, invalidate: database.exclusive ? () => {} : levelOne.invalidate },
    counts: (): Readonly<typeof counts> => counts,
    /** What keeps the levels true; null where nothing has to. */
    log,
    /** The generation of the read model, as it was seen last; null while it may be that of a log which is lost. */
    generation: (): number | null => (isUnused() ? generation : null),
    /** To be called where somebody else finds the log to be another one. */
    goneBack,
    /** Looks at the end of the log, so that what overtakes a write that begins later will be seen. @throws StoreFailure */
    prepare: async (): Promise<void> => {
      await log?.follow();
    },
    /** Begins to follow the log; until then every read goes to the database, unless no other process writes. */
    start: (): void => log?.start(),
    stop: async (): Promise<void> => log?.stop(),
  };
};
