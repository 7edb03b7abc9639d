import type { Database } from '../persistence/database.ts';
import { userIdOfStream } from '../persistence/event-store.ts';
import { Poller } from '../poller.ts';
import type { UserCache } from './user-cache.ts';

const POLL_MS = 200;
const AT_ONCE = 2_000;
/** Below the promise that a read on another replica is never more than a second behind. */
const TRUSTED_MS = 700;

/**
 * Follows the log, so that what other processes write leaves this one's cache. The log is the only source that cannot
 * lose a message; while it cannot be followed, the cache is not trusted.
 */
export class LogInvalidation {
  readonly #database: Database;
  readonly #poller: Poller;
  #cache: UserCache | null = null;
  #position: number | null = null;
  #generation: number | null = null;
  #seenAt = Number.NEGATIVE_INFINITY;

  constructor(database: Database, onError: (error: unknown) => void) {
    this.#database = database;
    this.#poller = new Poller(() => this.#follow(), POLL_MS, onError);
  }

  start(cache: UserCache): void {
    this.#cache = cache;
    this.#poller.start();
  }

  trusted = (): boolean => performance.now() - this.#seenAt < TRUSTED_MS;

  stop(): Promise<void> {
    return this.#poller.stop();
  }

  async #follow(): Promise<boolean> {
    const askedAt = performance.now();
    const rows = await this.#database.query<{ head: number; generation: number; stream: string | null; version: number; position: number }>(
      `select h.position as head, d.generation, e.stream, e.version, e.position
       from log_head h cross join deployment d
       left join lateral (select * from events where position > coalesce($1::bigint, h.position) order by position limit $2) e on true`,
      [this.#position, AT_ONCE],
    );
    const [first] = rows;
    if (first === undefined) return false;
    // A rebuild changes rows without events; and what was loaded before the first look may have changed before it.
    if (this.#generation !== first.generation) this.#cache?.clear();
    this.#generation = first.generation;
    for (const { stream, version } of rows) {
      const userId = stream === null ? null : userIdOfStream(stream);
      if (userId !== null) this.#cache?.invalidate(userId, version);
    }
    this.#position = first.stream === null ? (this.#position ?? first.head) : (rows.at(-1)?.position ?? this.#position);
    const more = rows.length === AT_ONCE;
    if (!more) this.#seenAt = askedAt;
    return more;
  }
}
