import { OwnError } from '../../../domain/own-error.ts';
import { Problem, type ProblemCode } from '../../../domain/problem.ts';
import type { Change, Changed, StoredUser } from '../../../domain/repositories/user-repository.ts';
import type { UserId } from '../../../domain/value-objects/user-id.ts';
import { failpoint } from '../../failpoint.ts';
import type { ChangeTrace, Tracing } from '../../observability/tracing.ts';
import { ailmentOf, StoreFailure } from '../database/database.ts';
import { retriedAppend } from '../database/retried-append.ts';
import { type Append, claimsOf, type EventStore, type Outcome, stateAfter } from './event-store.ts';
import { heldKeys } from './held-keys.ts';
import { tracedStore } from './traced-store.ts';

const MAX_BATCH = 128;
const MAX_WAITING = 10_000;
/** Changes of one user that may wait; a batch commits one of them. */
const MAX_OF_USER = 512;
/** Views of one profile that may wait; a batch commits many of them. */
const MAX_VIEWS = 5_000;
/** Bytes of input, as `sizeOf` counts, that all changes which wait may hold. */
const MAX_BYTES = 16 * 1_048_576;
/** How long a change may go without an answer. */
const BUDGET_MS = 9_000;
/** For how long a change is tried again whose rows another session holds, and the pause before each try. */
const BUSY_MS = 2_000;
const PAUSE_MS = 50;
/** How much longer than the last one a try may take. */
const SLACK_MS = 500;
const LOCK_TIMEOUT = '55P03';

type Options = {
  /** Told of every batch: how many changes, and how long its append took. */
  observe?: (size: number, ms: number) => void;
  tracing?: Tracing | null;
  /** Called where the log is not the one that this process follows; its changes are decided again after that. */
  onOtherLog?: () => Promise<unknown>;
};

type Waiting = {
  change: Change;
  /** When its budget ends. */
  until: number;
  /** It waits for this moment before it is tried again. */
  notBefore: number;
  /** Since when another session has held what it, or a change before it, needs. */
  busySince: number | null;
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
 * first in, first out. A change that another process overtook is decided again on the newer state until its budget ends. One
 * whose rows another session holds is tried again for a while, and only later changes of its user wait behind it.
 */
export class UnitOfWork {
  readonly #store: EventStore;
  readonly #observe: (size: number, ms: number) => void;
  readonly #tracing: Tracing | null;
  readonly #onOtherLog: () => Promise<unknown>;
  #waiting: Waiting[] = [];
  /** Changes to decide again before all that wait. */
  #overtaken: Waiting[] = [];
  /** How many changes are under way of each user and of each profile, and what all of them hold. */
  readonly #lanes = new Map<string, number>();
  #bytes = 0;
  readonly #held = heldKeys();
  /** Once-only keys of changes under way. */
  readonly #keys = new Set<string>();
  #running: Promise<void> | null = null;
  /** Ends the pause in which all that wait are held by others. */
  #resume: () => void = () => {};
  /** Why the last append, or a load since, failed, if it did; and how long the append took. */
  #ailment: ProblemCode | null = null;
  #tookMs = 0;
  #closed = false;

  constructor(store: EventStore, { observe = () => {}, tracing = null, onOtherLog = async () => {} }: Options = {}) {
    this.#store = tracing ? tracedStore(store, tracing) : store;
    this.#observe = observe;
    this.#tracing = tracing;
    this.#onOtherLog = onOtherLog;
  }

  /** @throws Problem what the decision refused, a taken key, or the store's state: unavailable, overloaded, outcome unknown */
  async run(change: Change): Promise<Changed> {
    if (this.#closed) throw new Problem('shutting-down');
    const { input_size = 0 } = change;
    const lane = laneOf(change);
    const inLane = this.#lanes.get(lane) ?? 0;
    if (
      this.#waiting.length >= MAX_WAITING ||
      inLane >= (change.viewer_id ? MAX_VIEWS : MAX_OF_USER) ||
      this.#bytes + input_size > MAX_BYTES
    )
      throw new Problem('overloaded');
    this.#lanes.set(lane, inLane + 1);
    this.#bytes += input_size;
    const key = change.once?.key;
    const behindItsKey = key !== undefined && this.#keys.has(key);
    if (key !== undefined) this.#keys.add(key);
    const trace = this.#tracing ? this.#tracing.change() : null;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => waiting.refuse(this.#outOfTime(waiting)), BUDGET_MS);
      const settling =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          // Its time may have run out while the store was asked.
          if (waiting.settled) return;
          clearTimeout(timer);
          waiting.settled = true;
          this.#left(change);
          if (key !== undefined && !behindItsKey) this.#keys.delete(key);
          settle(value);
        };
      const waiting: Waiting = {
        change,
        trace,
        until: performance.now() + BUDGET_MS,
        notBefore: 0,
        busySince: null,
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
      this.#resume();
    });
  }

  #left(change: Change): void {
    const lane = laneOf(change);
    const others = (this.#lanes.get(lane) ?? 1) - 1;
    if (others > 0) this.#lanes.set(lane, others);
    else this.#lanes.delete(lane);
    this.#bytes -= change.input_size ?? 0;
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
      if (batch.length === 0) {
        await this.#pause();
        continue;
      }
      try {
        await (this.#tracing ? this.#tracing.batch(traces(batch), () => this.#commit(batch)) : this.#commit(batch));
      } catch (error) {
        for (const waiting of batch) if (!waiting.settled) waiting.refuse(error);
      }
    }
    this.#running = null;
  }

  /** Until the first of those that wait may be tried again, or another change comes. */
  async #pause(): Promise<void> {
    const now = performance.now();
    const pauses = this.#waiting.map(({ notBefore }) => notBefore - now).filter((ms) => ms > 0);
    if (pauses.length === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(...pauses));
      this.#resume = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    await new Promise(setImmediate);
  }

  #nextBatch(): Waiting[] {
    const batch: Waiting[] = [];
    const later: Waiting[] = [];
    /** Who comes first under each key. */
    const taken = new Map<string, Waiting>();
    const now = performance.now();
    const all = [...this.#overtaken, ...this.#waiting];
    for (const [index, waiting] of all.entries()) {
      if (batch.length === MAX_BATCH) {
        later.push(...all.slice(index));
        break;
      }
      if (waiting.settled) continue;
      const { user_id, viewer_id, once } = waiting.change;
      const keys = [viewer_id ? `${viewer_id} views ${user_id}` : user_id, ...(once ? [once.key] : [])];
      const ahead = keys.flatMap((key) => taken.get(key) ?? []);
      for (const { busySince } of ahead) waiting.busySince ??= busySince;
      (ahead.length === 0 && waiting.notBefore <= now ? batch : later).push(waiting);
      // What waits keeps its place: a later change of the same user must not overtake it.
      for (const key of keys) if (!taken.has(key)) taken.set(key, waiting);
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
      () => this.#store.load(userIds).catch((error) => this.#failed(error)),
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
      if (this.#held.isHeld([laneOf(change), ...claimsOf({ before, after })])) {
        waiting.busySince ??= performance.now();
        throw this.#outOfTime(waiting);
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
          // Where locks ended the last try, one that takes as long must end in time: else nobody would know what came of it.
          const end = this.#ailment === 'store-busy' ? performance.now() + this.#tookMs + SLACK_MS : 0;
          for (const { waiting } of batch) if (!waiting.sent && waiting.until < end) waiting.refuse(this.#outOfTime(waiting));
          // What was answered meanwhile ("nothing was changed") must not be changed after all.
          batch = batch.filter(({ waiting }) => !waiting.settled);
          return batch.length === 0 ? [] : await this.#send(batch);
        },
        () => batch.every(({ waiting }) => waiting.settled),
      );
      // What it could not do, it is asked for again by the next try.
      if (outcomes.some(({ verdict }) => verdict === 'other-log')) await this.#onOtherLog().catch(() => {});
      for (const [index, item] of batch.entries()) this.#settle(item, outcomes[index]);
    } catch (error) {
      if (!(error instanceof StoreFailure)) throw error;
      const [first] = batch;
      if (first && batch.length === 1) {
        // Another session has changed what the change needs, an address perhaps, and has not committed it.
        if (error.sqlstate === LOCK_TIMEOUT) {
          first.waiting.busySince ??= performance.now();
          this.#held.met([laneOf(first.change), ...claimsOf(first)]);
        }
        return first.waiting.refuse(error.sqlstate === LOCK_TIMEOUT ? this.#outOfTime(first.waiting) : refusalOf(error, first.change));
      }
      // The server refuses the batch because of one of them: halve it until it is found. The others are none the worse.
      const half = Math.ceil(batch.length / 2);
      await this.#append(batch.slice(0, half));
      await this.#append(batch.slice(half));
    }
  }

  /** Keeps in mind why those that wait do. */
  #failed(error: unknown): never {
    this.#ailment = error instanceof StoreFailure ? `store-${ailmentOf(error)}` : null;
    throw error;
  }

  async #send(batch: readonly Ready[]): Promise<Outcome[]> {
    const before = batch.map(({ waiting }) => waiting.sent);
    for (const { waiting } of batch) waiting.sent = true;
    const started = performance.now();
    try {
      await failpoint('batch.built');
      const [outcomes] = await Promise.all([this.#store.append(batch), failpoint('batch.sent')]);
      this.#ailment = null;
      this.#observe(batch.length, performance.now() - started);
      // Nothing was tried of those that come back so; what is known of an earlier try stays as it is.
      outcomes.forEach(({ verdict }, index) => {
        const { waiting } = batch[index] as Ready;
        if (verdict === 'busy' || verdict === 'other-log') waiting.sent = before[index] === true;
      });
      await failpoint('batch.committed');
      return outcomes;
    } catch (error) {
      const lost = error instanceof StoreFailure && error.kind === 'unknown';
      batch.forEach(({ waiting }, index) => {
        waiting.sent = lost || before[index] === true;
      });
      this.#tookMs = performance.now() - started;
      return this.#failed(error);
    }
  }

  #settle({ waiting, change, expected, decision, before, after }: Ready, outcome: Outcome | undefined): void {
    if (waiting.settled) return;
    switch (outcome?.verdict) {
      case 'ok':
      case 'done': {
        const user = after ?? before?.user;
        if (user === undefined) return waiting.refuse(new OwnError('a change of nobody was appended'));
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
      case 'busy':
        waiting.busySince ??= performance.now();
        if (performance.now() - waiting.busySince > BUSY_MS) return waiting.refuse(this.#outOfTime(waiting));
        return this.#tryLater(waiting);
      case 'other-log':
        return this.#tryLater(waiting);
      case 'email-taken':
      case 'phone-taken':
        return waiting.refuse(taken(outcome.verdict, change));
      default:
        return waiting.refuse(new OwnError('the store gave no outcome'));
    }
  }

  #tryLater(waiting: Waiting): void {
    waiting.notBefore = performance.now() + PAUSE_MS;
    this.#overtaken.push(waiting);
  }

  #outOfTime({ sent, behindItsKey, busySince }: Waiting): Problem {
    if (sent) return new Problem('outcome-unknown');
    if (behindItsKey && busySince === null) return new Problem('idempotency-in-progress');
    return new Problem(busySince === null ? (this.#ailment ?? 'store-unavailable') : 'store-busy');
  }
}

const laneOf = ({ user_id, viewer_id }: Change): string => (viewer_id ? `views ${user_id}` : user_id);

const traces = (batch: readonly Waiting[]) => batch.map(({ trace }) => trace);

const taken = (code: 'email-taken' | 'phone-taken', { names }: Change): Problem => {
  const field = code === 'email-taken' ? 'email' : 'phone';
  const pointer = names === 'new' ? `/new_${field}` : `/${field}`;
  return new Problem(code, { errors: [{ pointer, code, detail: 'another user has it' }] });
};

/** The constraints are the second line: who runs into one although the check before let it pass, hears the same. */
const refusalOf = (failure: StoreFailure, change: Change): Error => {
  if (failure.constraint === 'users_email_key') return taken('email-taken', change);
  if (failure.constraint === 'users_phone_key') return taken('phone-taken', change);
  // The log is ahead of the user's row, as in a database that was restored in part.
  if (failure.constraint === 'events_stream_version') return new Problem('stream-unreadable', {}, { cause: failure });
  if (failure.constraint === 'events_size') {
    return new Problem('validation-failed', { errors: [{ pointer: '', code: 'too-long', detail: 'is more than one event may hold' }] });
  }
  return failure;
};
