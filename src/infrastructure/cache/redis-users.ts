import { USER_FOLD } from '../../domain/aggregates/user.ts';
import type { StoredUser } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';
import type { AuthenticationCode } from '../authentication-code.ts';
import { MAX_TEXT_BYTES, type Redis, textsAt, written } from '../connections/redis.ts';
import type { LogPage } from './log-invalidation.ts';

const LIVES_MS = 60_000;
/** For what no request waits for. */
const BACKGROUND_MS = 250;
/** Values are in no hurry: many go together. */
const GATHER_MS = 10;
const AT_ONCE = 256;
/** Users that wait to be written; more are left out. */
const MAX_WAITING = 2_048;
/** Users whose last change is remembered. */
const MAX_CHANGES = 20_000;

/** How far this process had followed the log when a load began, so the load sees all up to there; and where what is true then is kept. */
type Moment = Readonly<{ namespace: string; position: number }>;

type Options = {
  redis: Redis;
  /** Tells apart the databases that share a Redis, and the servers that were one database; not asked before the log is followed. */
  deployment: () => string;
  code: AuthenticationCode;
  /** Whether the log is followed up to now, under a generation that no log before it had. */
  trusted: () => boolean;
  /** A value was found that this service did not write there. */
  onRejected: () => void;
};

const keyOf = ({ namespace }: Moment, userId: UserId): string => `${namespace}:${userId}`;

/**
 * The second level: users in Redis, for all processes. A value is sealed together with the position of the log that it was loaded
 * at. It counts where this process has seen all that was appended since, and among it no newer version: so it does not matter
 * who wrote it there when, and an old copy that comes back is found out. Nothing here throws; where Redis does not help, nothing is found.
 */
export const redisUsers = ({ redis, deployment, code, trusted, onRejected }: Options) => {
  let moment: Moment | null = null;
  /** The position after which `changed` has the newest version of every user that changed. */
  let completeSince = 0;
  /** In the order of their last changes. */
  const changed = new Map<UserId, { version: number; position: number }>();
  let waiting = new Map<string, { at: Moment; stored: StoredUser }>();
  let keeping = false;

  const sealed = (key: string, { position }: Moment, { version, user }: StoredUser): string =>
    code.seal(key, `${position} ${version} ${JSON.stringify(user)}`);

  const keep = async (): Promise<void> => {
    keeping = true;
    await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    while (waiting.size > 0) {
      const batch = [...waiting].slice(0, AT_ONCE);
      waiting = new Map([...waiting].slice(AT_ONCE));
      await redis.call((client) => {
        const pipeline = client.pipeline();
        for (const [key, { at, stored }] of batch) {
          const text = sealed(key, at, stored);
          if (Buffer.byteLength(text) <= MAX_TEXT_BYTES) pipeline.set(key, text, 'PX', LIVES_MS);
        }
        return written(pipeline);
      }, BACKGROUND_MS);
    }
    keeping = false;
  };

  return {
    /** To be asked before a load begins. */
    moment: (): Moment | null => moment,

    /** The users of these ids that Redis has, as they are now. */
    async read(userIds: readonly UserId[]): Promise<Map<UserId, StoredUser>> {
      const found = new Map<UserId, StoredUser>();
      const asked = moment;
      if (asked === null || !trusted()) return found;
      const keys = userIds.map((userId) => keyOf(asked, userId));
      const texts = (await redis.call((client) => textsAt(client, keys))) ?? [];
      for (const [index, userId] of userIds.entries()) {
        const text = texts[index] ?? null;
        if (text === null) continue;
        const [, position, digits, json] = /^(\d+) (\d+) (.*)$/s.exec(code.open(keys[index] as string, text) ?? '') ?? [];
        if (json === undefined) {
          onRejected();
          continue;
        }
        const version = Number(digits);
        if (Number(position) < completeSince || version < (changed.get(userId)?.version ?? 0)) continue;
        found.set(userId, { user_id: userId, version, user: JSON.parse(json) });
      }
      return moment?.namespace === asked.namespace ? found : new Map();
    },

    /** Another log, or another server: nothing is found until it is followed. */
    forget: (): void => {
      moment = null;
      changed.clear();
    },

    /** Keeps what was loaded; `at` is the moment in which the load began. */
    loaded: (at: Moment, stored: StoredUser): void => {
      if (waiting.size >= MAX_WAITING) return;
      waiting.set(keyOf(at, stored.user_id), { at, stored });
      if (!keeping) void keep();
    },

    /** Takes in a page of the log. */
    follow: ({ from, to, generation, changes }: LogPage): void => {
      if (moment === null) completeSince = from;
      moment = { namespace: `lumin:${deployment()}:user:${USER_FOLD}:${generation}`, position: to };
      for (const [userId, { version }] of changes) {
        // Before the first version of a user there was nothing that could be there.
        if (version === 1) continue;
        changed.delete(userId);
        changed.set(userId, { version, position: to });
      }
      for (const [userId, { position }] of changed) {
        if (changed.size <= MAX_CHANGES) break;
        changed.delete(userId);
        completeSince = Math.max(completeSince, position);
      }
    },
  };
};
