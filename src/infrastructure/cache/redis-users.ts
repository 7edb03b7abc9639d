import { USER_FOLD, type User } from '../../domain/aggregates/user.ts';
import type { StoredUser } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';
import type { LogPage } from './log-invalidation.ts';
import type { Redis } from './redis.ts';

/** How long a value or a tombstone is kept: longer than any load, so that a late one finds what overtook it. */
const LIVES_MS = 60_000;
const POSITION_LIVES_MS = 3_600_000;
/** Where more than this many events were missed, a fresh start is cheaper than to catch up: no value is older than LIVES_MS. */
const MAX_BEHIND = 10_000;
/** A write is answered sooner than this, or not at all. */
const LONGEST_WRITE_MS = 10_000;
/** For what no request waits for. */
const BACKGROUND_MS = 250;
const MAX_KEYS = 256;

/** A text is `<version>` (a tombstone) or `<version> <JSON of the stored user>`. Only a newer one replaces another. */
const WRITE = `
local function write(key, text, ttl)
  local version = tonumber(string.match(text, '^%d+'))
  local there = redis.pcall('GET', key)
  local known = type(there) == 'string' and tonumber(string.match(there, '^%d+'))
  if known and (known > version or (known == version and (not string.find(text, ' ') or string.find(there, ' ')))) then return end
  redis.call('SET', key, text, 'PX', ttl)
end`;

/** KEYS: users. ARGV: lifetime, then a text for each. */
export const SET_IF_NEWER = `#!lua
${WRITE}
for i, key in ipairs(KEYS) do write(key, ARGV[i + 1], ARGV[1]) end`;

/**
 * KEYS: the log's record, then users. ARGV: began, from, to, head; lifetimes of tombstones and record; then a tombstone for each
 * user. Returns began and position. A position moves only together with the tombstones that lead to it, and it may do so while
 * memory is short: a tombstone is smaller than what it replaces.
 */
export const FOLLOW = `#!lua flags=allow-oom
${WRITE}
local began, position = unpack(redis.call('HMGET', KEYS[1], 'began', 'position'))
local from, to, head = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if not position or head - position > ${MAX_BEHIND} or from > head then
  began, position = ARGV[4], head
elseif began == ARGV[1] and tonumber(position) >= from then
  for i = 2, #KEYS do write(KEYS[i], ARGV[i + 5], ARGV[5]) end
  position = math.max(position, to)
end
redis.call('HSET', KEYS[1], 'began', began, 'position', position)
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return { began, tostring(position) }`;

/**
 * The time since the log's record in Redis was begun, at the end of the log. What was loaded in an era is stored in its
 * keys, and every event since is announced there. A flushed, restarted or restored server, and a rebuild, begin another one.
 */
export type Era = Readonly<{ run: string; generation: number; began: string; keys: string; since: number }>;

type Options = {
  redis: Redis;
  /** Tells apart the databases that share a Redis; not asked before the log is followed. */
  deployment: () => string;
  trusted: () => boolean;
  onRejected: () => void;
};

/** The second level: users in Redis, for all processes. Nothing here throws; where Redis does not help, nothing is found. */
export const redisUsers = ({ redis, deployment, trusted, onRejected }: Options) => {
  let era: Era | null = null;
  let waiting = new Map<string, { version: number; stored: StoredUser | null }>();
  let writing = false;

  const keyOf = ({ keys }: Era, userId: UserId): string => `${keys}:user:${userId}`;

  const flush = async (): Promise<void> => {
    writing = true;
    await new Promise(setImmediate);
    while (waiting.size > 0) {
      const batch = [...waiting].slice(0, MAX_KEYS);
      waiting = new Map([...waiting].slice(MAX_KEYS));
      const keys = batch.map(([key]) => key);
      const texts = batch.map(([, { version, stored }]) => (stored ? `${version} ${JSON.stringify(stored)}` : `${version}`));
      await redis.call((client) => client.eval(SET_IF_NEWER, keys.length, ...keys, LIVES_MS, ...texts), BACKGROUND_MS);
    }
    writing = false;
  };

  const write = (at: Era, userId: UserId, version: number, stored: StoredUser | null): void => {
    const key = keyOf(at, userId);
    if ((waiting.get(key)?.version ?? 0) > version) return;
    waiting.set(key, { version, stored });
    if (!writing) void flush();
  };

  return {
    era: (): Era | null => era,

    /** Those that are there, of one moment. */
    async read(userIds: readonly UserId[]): Promise<Map<UserId, StoredUser>> {
      const found = new Map<UserId, StoredUser>();
      const at = era;
      if (at === null || !trusted()) return found;
      const texts = await redis.call(async (client, run) => (run === at.run ? client.mget(userIds.map((id) => keyOf(at, id))) : []));
      for (const [index, userId] of userIds.entries()) {
        const text = texts?.[index] ?? null;
        if (text === null || TOMBSTONE.test(text)) continue;
        const stored = storedIn(text, userId);
        if (stored) found.set(userId, stored);
        else onRejected();
      }
      return found;
    },

    /** Keeps what was loaded; `at` is the era in which the load began. */
    loaded: (at: Era, stored: StoredUser): void => write(at, stored.user_id, stored.version, stored),

    /** Keeps what was written; only its version where the era may have begun after the write. */
    put: (stored: StoredUser): void => {
      if (era === null) return;
      const surely = performance.now() - era.since > LONGEST_WRITE_MS;
      write(era, stored.user_id, stored.version, surely ? stored : null);
    },

    invalidate: (userId: UserId, version: number): void => {
      if (era !== null) write(era, userId, version, null);
    },

    /** Announces the changes of a page of the log. Returns the position up to which everything has been announced, by whomever. */
    async follow({ from, to, head, generation, changes }: LogPage): Promise<number | null> {
      const record = await redis.call(async (client, run) => {
        const namespace = `lumin:${deployment()}:${USER_FOLD}:${run}:${generation}`;
        const known = era?.run === run && era.generation === generation ? era : null;
        const users = known ? [...changes] : [];
        const keys = [`${namespace}:log`, ...users.map(([userId]) => keyOf(known as Era, userId))];
        const values = [known?.began ?? '', from, to, head, LIVES_MS, POSITION_LIVES_MS, ...users.map(([, version]) => version)];
        const [began, position] = (await client.eval(FOLLOW, keys.length, ...keys, ...values)) as [string, string];
        return { run, namespace, began, position: Number(position) };
      }, BACKGROUND_MS);
      if (record === undefined) return null;
      const { run, namespace, began, position } = record;
      const keys = `${namespace}:${began}`;
      if (era?.keys !== keys) era = { run, generation, began, keys, since: performance.now() };
      return position;
    },
  };
};

const TOMBSTONE = /^\d+$/;

const isText = (value: unknown): boolean => typeof value === 'string';
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);
const orNull = (is: (value: unknown) => boolean) => (value: unknown) => value === null || is(value);
const shape: Record<keyof User, (value: unknown) => boolean> = {
  status: (value) => ['active', 'inactive', 'blocked', 'deleted'].includes(value as string),
  username: orNull(isObject),
  email: orNull(isText),
  phone: orNull(isText),
  language_code: isText,
  blocked: orNull(isObject),
  avatar_url: orNull(isText),
  bio: orNull(isText),
  birth_date: orNull(isText),
  privacy_settings: isObject,
  created_at: isText,
  updated_at: isText,
};

/** null where it is not what this service writes for this user: whoever has access to Redis can write anything. */
const storedIn = (text: string, userId: UserId): StoredUser | null => {
  try {
    const space = text.indexOf(' ');
    const { user_id, version, user }: StoredUser = JSON.parse(text.slice(space));
    const valid =
      user_id === userId &&
      Number.isSafeInteger(version) &&
      text.slice(0, space) === String(version) &&
      Object.entries(shape).every(([field, is]) => is(user[field as keyof User]));
    return valid ? { user_id, version, user } : null;
  } catch {
    return null;
  }
};
