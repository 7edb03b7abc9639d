import type { UserId } from '../../domain/value-objects/user-id.ts';
import { Poller } from '../concurrency/poller.ts';
import type { Database } from '../persistence/database/database.ts';
import { userIdOfStream } from '../persistence/event-store/stream-name.ts';

const POLL_MS = 200;
const AT_ONCE = 2_000;
/** Below the promise that a read on another replica is never more than a second behind. */
const TRUSTED_MS = 700;

/** A piece of the log, after `from` and up to `to`, with the end of the log and the read model's generation at that moment. */
export type LogPage = {
  from: number;
  to: number;
  head: number;
  generation: number;
  /** The users that changed, and their newest versions. */
  changes: Map<UserId, number>;
};

/** Applies the page to a level of the cache. Returns the position to go on from; null where the level cannot be reached. */
export type Apply = (page: LogPage) => Promise<number | null>;

/**
 * Follows the log, so that what other processes write leaves a level of the cache. The log is the only source that cannot
 * lose a message; while it cannot be followed, the level is not trusted.
 */
export class LogInvalidation {
  readonly #database: Pick<Database, 'query'>;
  readonly #apply: Apply;
  readonly #poller: Poller;
  /** null: begin at the end of the log. */
  #position: number | null = null;
  #seenAt = Number.NEGATIVE_INFINITY;

  constructor(database: Pick<Database, 'query'>, apply: Apply, onError: (error: unknown) => void) {
    this.#database = database;
    this.#apply = apply;
    this.#poller = new Poller(this.follow, POLL_MS, onError);
  }

  start(): void {
    this.#poller.start();
  }

  trusted = (): boolean => performance.now() - this.#seenAt < TRUSTED_MS;

  stop(): Promise<void> {
    return this.#poller.stop();
  }

  /** One round. Returns whether there is more. @throws StoreFailure */
  follow = async (): Promise<boolean> => {
    const askedAt = performance.now();
    const page = await readPage(this.#database, this.#position);
    if (page === null) return false;
    this.#position = await this.#apply(page);
    if (this.#position === null) return false;
    const caughtUp = this.#position >= page.head;
    if (caughtUp) this.#seenAt = askedAt;
    return !caughtUp;
  };
}

const readPage = async (database: Pick<Database, 'query'>, position: number | null): Promise<LogPage | null> => {
  const rows = await database.query<{ head: number; generation: number; stream: string | null; version: number; position: number }>(
    // The limit tells the planner what it does not know of a table of one row: the rest happens once.
    `select h.head, h.generation, e.stream, e.version, e.position
     from (select l.position as head, d.generation from log_head l cross join deployment d limit 1) h
     left join lateral (select * from events where position > coalesce($1::bigint, h.head) order by position limit $2) e on true`,
    [position, AT_ONCE],
  );
  const [first] = rows;
  if (first === undefined) return null;
  const { head, generation } = first;
  const from = position ?? head;
  const changes = new Map<UserId, number>();
  for (const { stream, version } of rows) {
    const userId = stream === null ? null : userIdOfStream(stream);
    if (userId !== null) changes.set(userId, version);
  }
  const to = rows.length < AT_ONCE ? head : (rows.at(-1)?.position ?? head);
  return { from, to, head, generation, changes };
};
