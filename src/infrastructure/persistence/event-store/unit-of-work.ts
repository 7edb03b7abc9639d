import { Problem } from '../../../domain/problem.ts';
import type { Change, Changed, StoredUser } from '../../../domain/repositories/user-repository.ts';
import type { UserId } from '../../../domain/value-objects/user-id.ts';
import { failpoint } from '../../failpoint.ts';
import type { ChangeTrace, Tracing } from '../../observability/tracing.ts';
import { StoreFailure } from '../database/database.ts';
import { retriedAppend } from '../database/retried-append.ts';
import { type Append, claimsOf, type EventStore, type Outcome, stateAfter } from './event-store.ts';
import { tracedStore } from './traced-store.ts';

const MAX_BATCH = 128;
const MAX_WAITING = 10_000;
/** How long a change may go without an answer. */
const BUDGET_MS = 9_000;

type Waiting = {
  change: Change;
  trace: ChangeTrace | null;
  /** True while the change may have reached the database without our knowing what came of it. */
  sent: boolean;
  settled: boolean;
  /** True once the guess "this user does not exist yet" was wrong. */
  guessedWrong: boolean;
  /** True where another change with the same once-only key was under way when this one came. */
  behindItsKey: boolean;
  done: (changed: Changed) => void;
  refuse: (error: unknown) => void;
};

type Ready = Append & { waiting: Waiting; before: StoredUser | null };

/**
 * Group commit: the changes that are in flight at the same time are one batch, one transaction, one unit of work. A lone
 * change does not wait for company: the next batch is whatever arrived while the last one was being committed.
 *
 * A batch holds at most one change per user, per claimed key and per once-only key; the others wait for the next one,
 * first in, first out. A change that another process overtook is decided again on the newer state until its budget ends.
 */
export class UnitOfWork {
  readonly #store: EventStore;
  readonly #observe: (size: number, ms: number) => void;
  readonly #tracing: Tracing | null;
  #waiting: Waiting[] = [];
  /** Changes to decide again before all that wait. */
  #overtaken: Waiting[] = [];
  /** Once-only keys of changes under way. */
  readonly #keys = new Set<string>();
  #running: Promise<void> | null = null;
  #closed = false;

  /** `observe` is told of every batch: how many changes, and how long its append took. */
  constructor(store: EventStore, observe: (size: number, ms: number) => void = () => {}, tracing: Tracing | null = null) {
    this.#store = tracing ? tracedStore(store, tracing) : store;
    this.#observe = observe;
    this.#tracing = tracing;
  }

  /** @throws Problem what the decision refused, a taken key, or the store's state: unavailable, overloaded, outcome unknown */
  async run(change: Change): Promise<Changed> {
    if (this.#closed) throw new Problem('shutting-down');
    if (this.#waiting.length >= MAX_WAITING) throw new Problem('overloaded');
    const key = change.once?.key;
    const behindItsKey = key !== undefined && this.#keys.has(key);
    if (key !== undefined) this.#keys.add(key);
    const trace = this.#tracing ? this.#tracing.change() : null;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => waiting.refuse(outOfTime(waiting)), BUDGET_MS);
      const settling =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer);
          waiting.settled = true;
          if (key !== undefined && !behindItsKey) this.#keys.delete(key);
          settle(value);
        };
      const waiting: Waiting = {
        change,
        trace,
        sent: false,
        settled: false,
        guessedWrong: false,
        behindItsKey,
        done: settling((changed) => {
          trace?.end();
          resolve(changed);
        }),
        refuse: settling((error) => {
          trace?.end(error);
          reject(error);
        }),
      };
      this.#waiting.push(waiting);
      this.#running ??= this.#drain();
    });
  }

  /** Finishes what was taken in, and takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #drain(): Promise<void> {
    // One turn of the event loop, so that requests which arrived together are one batch.
    await new Promise(setImmediate);
    while (this.#waiting.length + this.#overtaken.length > 0) {
      const batch = this.#nextBatch();
      try {
        await (this.#tracing ? this.#tracing.batch(traces(batch), () => this.#commit(batch)) : this.#commit(batch));
      } catch (error) {
        for (const waiting of batch) if (!waiting.settled) waiting.refuse(error);
      }
    }
    this.#running = null;
  }

  #nextBatch(): Waiting[] {
    const batch: Waiting[] = [];
    const later: Waiting[] = [];
    const taken = new Set<string>();
    for (const waiting of [...this.#overtaken, ...this.#waiting]) {
      if (waiting.settled) continue;
      const { user_id, viewer_id, once } = waiting.change;
      const keys = [viewer_id ? `${viewer_id} views ${user_id}` : user_id, ...(once ? [once.key] : [])];
      const free = batch.length < MAX_BATCH && !keys.some((key) => taken.has(key));
      (free ? batch : later).push(waiting);
      // What waits keeps its place: a later change of the same user must not overtake it.
      for (const key of keys) taken.add(key);
    }
    this.#overtaken = [];
    this.#waiting = later;
    return batch;
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    const users = await this.#identityMap(batch.filter(({ change, guessedWrong }) => !change.creates || guessedWrong));
    const claimed = new Set<string>();
    const ready: Ready[] = [];
    for (const waiting of batch) {
      const decided = waiting.settled ? null : await this.#decide(waiting, users.get(waiting.change.user_id) ?? null);
      if (decided === null) continue;
      const claims = claimsOf(decided);
      if (claims.some((claim) => claimed.has(claim))) this.#overtaken.push(waiting);
      else ready.push(decided);
      for (const claim of claims) claimed.add(claim);
    }
    await this.#append(ready);
  }

  /** Every user that the batch touches, once, by one statement. */
  async #identityMap(waiting: readonly Waiting[]): Promise<Map<UserId, StoredUser | Problem>> {
    if (waiting.length === 0) return new Map();
    const userIds = waiting.map(({ change }) => change.user_id);
    return retriedAppend(
      () => this.#store.load(userIds),
      () => waiting.every(({ settled }) => settled),
    );
  }

  /** Null where the change is answered without an append: refused, or nothing to do. */
  async #decide(waiting: Waiting, before: StoredUser | Problem | null): Promise<Ready | null> {
    const { change } = waiting;
    try {
      if (before instanceof Problem) throw before;
      const decision = change.decide(before?.user ?? null, before?.version ?? 0);
      const after = decision.events.length > 0 ? stateAfter(before?.user ?? null, decision.events, change.at) : null;
      if (after === null && before && !decision.view && !decision.task && !change.once && !change.completes) {
        waiting.done({ outcome: 'done', stored: before });
        return null;
      }
      return { waiting, trace: waiting.trace, change, expected: before?.version ?? 0, decision, before, after };
    } catch (error) {
      // An answer that was given under this key stands, whatever the state is now.
      const { once } = change;
      const answered =
        once &&
        (await retriedAppend(
          () => this.#store.answered(once.key),
          () => waiting.settled,
        ));
      if (answered) waiting.done({ outcome: 'answered', answered });
      else waiting.refuse(error);
      return null;
    }
  }

  async #append(ready: readonly Ready[]): Promise<void> {
    let batch = ready;
    try {
      const outcomes = await retriedAppend(
        async () => {
          // What was answered meanwhile ("nothing was changed") must not be changed after all.
          batch = batch.filter(({ waiting }) => !waiting.settled);
          return batch.length === 0 ? [] : await this.#send(batch);
        },
        () => batch.every(({ waiting }) => waiting.settled),
      );
      for (const [index, item] of batch.entries()) this.#settle(item, outcomes[index]);
    } catch (error) {
      if (!(error instanceof StoreFailure)) throw error;
      const [first] = batch;
      if (first && batch.length === 1) return first.waiting.refuse(refusalOf(error, first.change));
      // The server refuses the batch because of one of them: halve it until it is found. The others are none the worse.
      const half = Math.ceil(batch.length / 2);
      await this.#append(batch.slice(0, half));
      await this.#append(batch.slice(half));
    }
  }

  async #send(batch: readonly Ready[]): Promise<Outcome[]> {
    const before = batch.map(({ waiting }) => waiting.sent);
    for (const { waiting } of batch) waiting.sent = true;
    try {
      await failpoint('batch.built');
      const started = performance.now();
      const [outcomes] = await Promise.all([this.#store.append(batch), failpoint('batch.sent')]);
      this.#observe(batch.length, performance.now() - started);
      await failpoint('batch.committed');
      return outcomes;
    } catch (error) {
      const lost = error instanceof StoreFailure && error.kind === 'unknown';
      batch.forEach(({ waiting }, index) => {
        waiting.sent = lost || before[index] === true;
      });
      throw error;
    }
  }

  #settle({ waiting, change, expected, decision, before, after }: Ready, outcome: Outcome | undefined): void {
    if (waiting.settled) return;
    switch (outcome?.verdict) {
      case 'ok':
      case 'done': {
        const user = after ?? before?.user;
        if (user === undefined) return waiting.refuse(new Error('a change of nobody was appended'));
        const count = change.dry_run ? 0 : decision.events.length;
        const stored = { user_id: change.user_id, version: expected + count, user };
        return waiting.done({
          outcome: 'done',
          stored,
          ...(count > 0 && { appended: outcome.verdict === 'ok' ? 'now' : 'earlier' }),
          ...(decision.view && { view_count: outcome.version }),
        });
      }
      case 'ended':
        // Another run completed the task; what was decided here is not in the log.
        if (before === null) return waiting.refuse(new Problem('user-exists'));
        return waiting.done({ outcome: 'done', stored: before });
      case 'answered':
        return waiting.done({ outcome: 'answered', answered: outcome.answered });
      case 'conflict':
        waiting.guessedWrong = true;
        this.#overtaken.push(waiting);
        return;
      case 'email-taken':
      case 'phone-taken':
        return waiting.refuse(taken(outcome.verdict, change));
      default:
        return waiting.refuse(new Error('the store gave no outcome'));
    }
  }
}

const traces = (batch: readonly Waiting[]) => batch.map(({ trace }) => trace);

const outOfTime = ({ sent, behindItsKey }: Waiting): Problem => {
  if (sent) return new Problem('outcome-unknown');
  return new Problem(behindItsKey ? 'idempotency-in-progress' : 'store-unavailable');
};

const taken = (code: 'email-taken' | 'phone-taken', { creates }: Change): Problem => {
  const field = code === 'email-taken' ? 'email' : 'phone';
  const pointer = creates ? `/${field}` : `/new_${field}`;
  return new Problem(code, { errors: [{ pointer, code, detail: 'another user has it' }] });
};

/** The constraints are the second line: who runs into one although the check before let it pass, hears the same. */
const refusalOf = (failure: StoreFailure, change: Change): Error => {
  if (failure.constraint === 'users_email_key') return taken('email-taken', change);
  if (failure.constraint === 'users_phone_key') return taken('phone-taken', change);
  return failure;
};
