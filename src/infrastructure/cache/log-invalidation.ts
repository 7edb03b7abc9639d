import type { UserId } from '../../domain/value-objects/user-id.ts';
import type { Outage } from '../concurrency/outage.ts';
import { Poller } from '../concurrency/poller.ts';
import { singleFlight } from '../concurrency/single-flight.ts';
import type { Database } from '../persistence/database/database.ts';
import { userIdOfStream } from '../persistence/event-store/stream-name.ts';
import { isSameEvent, type LogChange, type SeenEvent } from '../persistence/log/seen-event.ts';

const POLL_MS = 200;
const AT_ONCE = 2_000;
/** Below the promise that a read on another replica is never more than a second behind. */
const TRUSTED_MS = 700;

/** A piece of the log, after `from` and up to `to`, with the read model's generation at that moment. */
export type LogPage = {
  /** The end of a log of which nothing is known. */
  first: boolean;
  from: number;
  to: number;
  generation: number;
  /** The users that changed: their newest versions, and when they came to be. */
  changes: Map<UserId, { version: number; at: Date }>;
  /** What was committed before this moment, on the clock of `performance`, is no later than in this page; null where more follows. */
  completeAt: number | null;
};

type Options = {
  database: Pick<Database, 'query'>;
  /** Applies a page to what is kept. */
  apply: (page: LogPage) => void;
  /** The log is not the one that was followed; what came of it is to be dropped. It is followed anew, from its end. */
  onOtherLog: (change: LogChange) => void;
  away: Pick<Outage, 'report' | 'over'>;
};

/**
 * Follows the log, so that what other processes write leaves a level of the cache. The log is the only source that cannot
 * lose a message; while it cannot be followed, the level is not trusted. Each round asks for the last event seen once more: a
 * log that has another one in its place, or none, is another log.
 */
export class LogInvalidation {
  readonly #options: Options;
  readonly #poller: Poller;
  #seen: SeenEvent | null = null;
  /** Whether the log is followed from `#seen` on, or its beginning, and not yet to be looked for. */
  #following = false;
  #seenAt = Number.NEGATIVE_INFINITY;
  #times = 0;

  constructor(options: Options) {
    this.#options = options;
    this.#poller = new Poller(this.follow, POLL_MS, options.away);
  }

  start(): void {
    this.#poller.start();
  }

  trusted = (): boolean => performance.now() - this.#seenAt < TRUSTED_MS;

  /** The last event that was seen; null before the first round, and where there is none. */
  seen = (): SeenEvent | null => this.#seen;

  stop(): Promise<void> {
    return this.#poller.stop();
  }

  /** Another server answers from now on, and a round under way counts for nothing. The next one says whether the log is the same. */
  distrust(): void {
    this.#times++;
    this.#seenAt = Number.NEGATIVE_INFINITY;
  }

  /** Begins anew, at the end of the log that is there. */
  forget(): void {
    this.distrust();
    this.#seen = null;
    this.#following = false;
  }

  /** One round. Returns whether there is more. @throws StoreFailure */
  follow = singleFlight(async (): Promise<boolean> => {
    const times = this.#times;
    const askedAt = performance.now();
    const seen = this.#seen;
    const rows = await readFrom(this.#options.database, seen?.position ?? (this.#following ? 0 : null));
    if (times !== this.#times) return true;
    const [first] = rows;
    if (first === undefined) return false;
    const { head, generation } = first;
    const events = rows.filter(({ stream }) => stream !== null);
    if (seen !== null && !isSameEvent(events[0], seen)) {
      this.forget();
      this.#options.onOtherLog({ seen: seen.position, head });
      return true;
    }
    // What is there at the first look is no change.
    const from = seen ?? (this.#following ? null : events[0]);
    const changes: LogPage['changes'] = new Map();
    for (const { stream, version, at } of from ? events.slice(1) : events) {
      const userId = userIdOfStream(stream);
      if (userId !== null) changes.set(userId, { version, at });
    }
    const last = events.at(-1) ?? null;
    const caughtUp = rows.length <= AT_ONCE;
    const completeAt = caughtUp ? askedAt : null;
    this.#options.apply({ first: !this.#following, from: from?.position ?? 0, to: last?.position ?? 0, generation, changes, completeAt });
    // What came of the page may have been that the log is another one.
    if (times !== this.#times) return true;
    this.#seen = last;
    this.#following = true;
    if (caughtUp) this.#seenAt = askedAt;
    return !caughtUp;
  });
}

type Row = SeenEvent & { head: number; generation: number };

/** The event at the position and those that follow, or the last one where there is no position; with the end of the log. */
const readFrom = (database: Pick<Database, 'query'>, position: number | null): Promise<Row[]> =>
  database.query<Row>(
    // The limit tells the planner what it does not know of a table of one row: the rest happens once.
    `select h.head, h.generation, e.stream, e.version, e.position, e.at
     from (select l.position as head, d.generation from log_head l cross join deployment d limit 1) h
     left join lateral (
       select * from events where position >= coalesce($1::bigint, (select max(position) from events)) order by position limit $2
     ) e on true`,
    [position, AT_ONCE + 1],
  );
