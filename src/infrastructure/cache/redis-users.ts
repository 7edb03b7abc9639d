import { USER_FOLD } from '../../domain/aggregates/user.ts';
import type { StoredUser } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';
import type { Redis } from '../connections/redis.ts';
import type { LogPage } from './log-invalidation.ts';

/** How long a value or a tombstone is kept: longer than any load, so that a late one finds what overtook it. */
const LIVES_MS = 60_000;
/** For what no request waits for. */
const BACKGROUND_MS = 250;
/** Values are in no hurry: many go with one script. */
const GATHER_MS = 10;
const MAX_KEYS = 256;

// A user's key holds `<version>` (a tombstone) or `<version> <seal> <JSON>`. The record of the log is `<began> <position>`.

const VERSION_AT = `
local function version_at(key)
  local text = redis.pcall('GET', key)
  return type(text) == 'string' and tonumber(string.match(text, '^%d+')) or 0
end`;

/** KEYS: users. ARGV: lifetime, then a value for each. What is newer stays. */
export const KEEP = `#!lua
${VERSION_AT}
for i, key in ipairs(KEYS) do
  local value = ARGV[i + 1]
  if version_at(key) <= tonumber(string.match(value, '^%d+')) then redis.call('SET', key, value, 'PX', ARGV[1]) end
end`;

/**
 * KEYS: the record, then users. ARGV: lifetime, began, from, to, head, then a version for each user. Returns the record. Its
 * position moves only together with the tombstones that lead to it, and it may do so while memory is short.
 */
export const ANNOUNCE = `#!lua flags=allow-oom
${VERSION_AT}
local lifetime, from, to, head = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local text = redis.pcall('GET', KEYS[1])
local began, position = string.match(type(text) == 'string' and text or '', '^(%d+) (%d+)$')
if not position or from > head then
  began, position = ARGV[5], ARGV[5]
elseif began == ARGV[2] and tonumber(position) >= from and tonumber(position) < to then
  for i = 2, #KEYS do
    local version = ARGV[i + 4]
    if version_at(KEYS[i]) < tonumber(version) then redis.call('SET', KEYS[i], version, 'PX', lifetime) end
  end
  position = ARGV[4]
end
local record = began .. ' ' .. position
redis.call('SET', KEYS[1], record, 'PX', lifetime)
return record`;

/**
 * The time since the record in Redis was begun, at what was then the end of the log. What is loaded in an era sees all that
 * came before it, is kept in its keys, and every event since is announced there. A server that has lost its data begins another.
 */
type Era = Readonly<{
  namespace: string;
  began: string;
  /** Up to here everything was announced, as far as this process knows. A record that says less is an old copy. */
  position: number;
}>;

type Options = {
  redis: Redis;
  /** Tells apart the databases that share a Redis; not asked before the log is followed. */
  deployment: () => string;
  /** A keyed hash: whoever has access to Redis can write anything. */
  hash: (text: string) => string;
  trusted: () => boolean;
  /** A value was found that this service did not write there. */
  onRejected: () => void;
};

const recordKey = ({ namespace }: Pick<Era, 'namespace'>): string => `${namespace}:log`;
const userKey = ({ namespace, began }: Era, userId: UserId): string => `${namespace}:${began}:${userId}`;

const recordIn = (text: string | null | undefined): { began: string; position: number } => {
  const [began = '', position] = text?.split(' ') ?? [];
  return { began, position: Number(position) };
};

/** The second level: users in Redis, for all processes. Nothing here throws; where Redis does not help, nothing is found. */
export const redisUsers = ({ redis, deployment, hash, trusted, onRejected }: Options) => {
  let era: Era | null = null;
  let waiting = new Map<string, StoredUser>();
  let keeping = false;

  const sealed = (key: string, { version, user }: StoredUser): string => {
    const json = JSON.stringify(user);
    return `${version} ${hash(`${key} ${version} ${json}`)} ${json}`;
  };

  const opened = (key: string, text: string, userId: UserId): StoredUser | null => {
    const [, version, seal, json] = /^(\d+) (\S+) (.*)$/s.exec(text) ?? [];
    if (json === undefined || seal !== hash(`${key} ${version} ${json}`)) return null;
    return { user_id: userId, version: Number(version), user: JSON.parse(json) };
  };

  const keep = async (): Promise<void> => {
    keeping = true;
    await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    while (waiting.size > 0) {
      const batch = [...waiting].slice(0, MAX_KEYS);
      waiting = new Map([...waiting].slice(MAX_KEYS));
      const keys = batch.map(([key]) => key);
      const values = batch.map(([key, stored]) => sealed(key, stored));
      await redis.call((client) => client.eval(KEEP, keys.length, ...keys, LIVES_MS, ...values), BACKGROUND_MS);
    }
    keeping = false;
  };

  return {
    /** To be asked before a load begins. */
    era: (): Era | null => era,

    /** The users of these ids that Redis has, as they were at one moment. */
    async read(userIds: readonly UserId[]): Promise<Map<UserId, StoredUser>> {
      const found = new Map<UserId, StoredUser>();
      const current = era;
      if (current === null || !trusted()) return found;
      const keys = userIds.map((userId) => userKey(current, userId));
      const [text, ...texts] = (await redis.call((client) => client.mget(recordKey(current), ...keys))) ?? [];
      const record = recordIn(text);
      if (record.began !== current.began || !(record.position >= current.position)) return found;
      for (const [index, userId] of userIds.entries()) {
        const text = texts[index] ?? null;
        if (text === null || TOMBSTONE.test(text)) continue;
        const stored = opened(keys[index] as string, text, userId);
        if (stored) found.set(userId, stored);
        else onRejected();
      }
      return found;
    },

    /** Keeps what was loaded; `at` is the era in which the load began. */
    loaded: (at: Era, stored: StoredUser): void => {
      const key = userKey(at, stored.user_id);
      if ((waiting.get(key)?.version ?? 0) > stored.version) return;
      waiting.set(key, stored);
      if (!keeping) void keep();
    },

    /** Announces the changes of a page of the log. Returns the position up to which everything has been announced, by whomever. */
    async follow({ from, to, head, generation, changes }: LogPage): Promise<number | null> {
      const namespace = `lumin:${deployment()}:users:${USER_FOLD}:${generation}`;
      const known = era?.namespace === namespace ? era : null;
      // Before the first version of a user there was nothing that could be there.
      const changed = [...changes].filter(([, version]) => known !== null && version > 1);
      const keys = [recordKey({ namespace }), ...changed.map(([userId]) => userKey(known as Era, userId))];
      const values = [LIVES_MS, known?.began ?? '', from, to, head, ...changed.map(([, version]) => version)];
      const text = await redis.call((client) => client.eval(ANNOUNCE, keys.length, ...keys, ...values), BACKGROUND_MS);
      if (text === undefined) return null;
      const { began, position } = recordIn(text as string);
      era = { namespace, began, position: known?.began === began ? Math.max(known.position, position) : position };
      return position;
    },
  };
};

const TOMBSTONE = /^\d+$/;
