import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { block, changeBio, createUser, deactivate, type User } from '../../src/domain/aggregates/user.ts';
import type { UserEvent } from '../../src/domain/events/user-events.ts';
import { Problem } from '../../src/domain/problem.ts';
import type { Change, Once } from '../../src/domain/repositories/user-repository.ts';
import { Email } from '../../src/domain/value-objects/email.ts';
import { LanguageCode } from '../../src/domain/value-objects/language-code.ts';
import { defaultPrivacySettings } from '../../src/domain/value-objects/privacy-settings.ts';
import { UserId } from '../../src/domain/value-objects/user-id.ts';
import { StoreFailure } from '../../src/infrastructure/persistence/database/database.ts';
import { UnitOfWork } from '../../src/infrastructure/persistence/event-store/unit-of-work.ts';
import { memoryStore } from '../fixtures/event-store-in-memory.ts';
import { NOW } from '../fixtures/given.ts';
import { until } from '../fixtures/until.ts';

// Sleeps follow the fake clock too.
vi.mock('node:timers/promises', () => ({ setTimeout: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)) }));

const userId = (number: number) => UserId(`00000000-0000-4000-8000-${String(number).padStart(12, '0')}`);
let commands = 0;

const change = (user: number, decide: (user: User | null) => UserEvent[], more: Partial<Change> = {}): Change => ({
  command_id: `command-${++commands}`,
  user_id: userId(user),
  decide: (state) => ({ events: decide(state) }),
  at: NOW,
  actor: null,
  correlation_id: null,
  ...more,
});
const create = (user: number, email = `user${user}@example.com`, more: Partial<Change> = {}) =>
  change(
    user,
    (state) =>
      createUser(state, {
        username: { first_name: 'A', last_name: null },
        email: Email(email),
        language_code: LanguageCode('en'),
        privacy_settings: defaultPrivacySettings,
      }),
    { creates: true, ...more },
  );
const bio = (user: number, text: string, more: Partial<Change> = {}) => change(user, (state) => changeBio(state, text), more);
const once = (key: string): Once => ({ key, request_hash: `hash of ${key}`, status: 200 });

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error: unknown) => (error instanceof Problem ? error.code : String(error)),
  );
const usersIn = (batch: readonly { change: Change }[] | undefined) => batch?.map(({ change: { user_id } }) => Number(user_id.slice(-12)));

const setUp = (hooks: Parameters<typeof memoryStore>[0] = {}) => {
  const memory = memoryStore(hooks);
  return { ...memory, work: new UnitOfWork(memory.store) };
};

/** A gate that holds whoever passes until it is opened. */
const gate = () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { closed: promise, open: resolve };
};

describe('a unit of work', () => {
  it('answers with the state and version that a change led to', async () => {
    const { work } = setUp();
    expect(await work.run(create(1))).toMatchObject({ outcome: 'done', stored: { user_id: userId(1), version: 1 } });
    expect(await work.run(bio(1, 'Hi'))).toMatchObject({ outcome: 'done', stored: { version: 2, user: { bio: 'Hi' } } });
  });

  it('appends what arrives together in one batch', async () => {
    const { work, batches } = setUp();
    await Promise.all([1, 2, 3].map((user) => work.run(create(user))));
    expect(batches.map(usersIn)).toEqual([[1, 2, 3]]);
  });

  it('does not load users who are about to be created', async () => {
    const { work, loads } = setUp();
    await work.run(create(1));
    expect(loads).toEqual([]);
  });

  it('loads each user of a batch once, all by one statement', async () => {
    const { work, loads } = setUp();
    await Promise.all([work.run(create(1)), work.run(create(2))]);
    await Promise.all([work.run(bio(1, 'a')), work.run(bio(2, 'b'))]);
    expect(loads).toEqual([[userId(1), userId(2)]]);
  });

  it('answers a change of nothing without an append', async () => {
    const { work, batches } = setUp();
    await work.run(create(1));
    await work.run(bio(1, 'Hi'));
    expect(await work.run(bio(1, 'Hi'))).toMatchObject({ stored: { version: 2 } });
    expect(batches).toHaveLength(2);
  });

  it('records a change of nothing that has a once-only key', async () => {
    const { work, answers } = setUp();
    await work.run(create(1));
    await work.run(change(1, () => [], { once: once('k') }));
    expect(answers.get('k')).toMatchObject({ version: 1 });
  });

  it('finds a user who exists although the change thought it would create one', async () => {
    const { work } = setUp();
    await work.run(create(1));
    expect(await codeOf(work.run(create(1)))).toBe('user-exists');
  });

  it('keeps at most 128 changes in a batch', async () => {
    const { work, batches } = setUp();
    await Promise.all(Array.from({ length: 300 }, (_, user) => work.run(create(user + 1))));
    expect(batches.map((batch) => batch.length)).toEqual([128, 128, 44]);
  });

  it('keeps one change of each user in a batch; the others follow in their order', async () => {
    const { work, batches, users } = setUp();
    await Promise.all([work.run(create(1)), work.run(create(2))]);
    batches.length = 0;
    const versions = await Promise.all(['a', 'b', 'c'].map((text) => work.run(bio(1, text))).concat(work.run(bio(2, 'x'))));
    expect(batches.map(usersIn)).toEqual([[1, 2], [1], [1]]);
    expect(versions.map((done) => done.outcome === 'done' && done.stored.version)).toEqual([2, 3, 4, 2]);
    expect(users.get(userId(1))?.user.bio).toBe('c');
  });

  it('decides a change on the state that the one before it left', async () => {
    const { work } = setUp();
    const results = await Promise.all([
      work.run(create(1)),
      codeOf(work.run(change(1, (user) => block(user, null, null, NOW)))),
      codeOf(work.run(change(1, deactivate))),
    ]);
    expect(results.slice(1)).toEqual(['done', 'user-blocked']);
  });

  it('keeps one change of each claimed key in a batch, so that the first wins and the second hears that it is taken', async () => {
    const { work, batches } = setUp();
    const codes = await Promise.all([create(1, 'a@x.io'), create(2, 'A@x.io'), create(3, 'b@x.io')].map((one) => codeOf(work.run(one))));
    expect(codes).toEqual(['done', 'email-taken', 'done']);
    expect(batches.map(usersIn)).toEqual([[1, 3], [2]]);
  });

  it('names the field whose value is taken', async () => {
    const { work } = setUp();
    await work.run(create(1, 'a@x.io'));
    const refused = await work.run(create(2, 'a@x.io')).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'email-taken', facts: { errors: [{ pointer: '/email' }] } });
  });

  it('keeps one change of each once-only key in a batch; the twin hears the answer of the first', async () => {
    const { work, batches } = setUp();
    const [first, twin] = await Promise.all([1, 2].map((user) => work.run(create(user, 'a@x.io', { once: once('k') }))));
    expect(first).toMatchObject({ outcome: 'done' });
    expect(twin).toMatchObject({ outcome: 'answered', answered: { user_id: userId(1), version: 1 } });
    expect(batches.map(usersIn)).toEqual([[1], [2]]);
  });

  it('gives the recorded answer even where the state would refuse the change now', async () => {
    const { work } = setUp();
    await work.run(create(1));
    const deactivation = () => change(1, deactivate, { once: once('k') });
    await work.run(deactivation());
    await work.run(change(1, (user) => block(user, null, null, NOW)));
    expect(await work.run(deactivation())).toMatchObject({ outcome: 'answered', answered: { version: 2 } });
  });

  it('decides again when another process was faster', async () => {
    const memory = memoryStore({
      beforeAppend: () => {
        const stored = memory.users.get(userId(1));
        // Another process appends once, between our load and our append.
        if (stored?.version === 1) memory.users.set(userId(1), { ...stored, version: 2, user: { ...stored.user, bio: 'theirs' } });
      },
    });
    const work = new UnitOfWork(memory.store);
    await work.run(create(1));
    expect(await work.run(bio(1, 'ours'))).toMatchObject({ stored: { version: 3, user: { bio: 'ours' } } });
  });

  it('lets a refused decision harm nobody else in the batch', async () => {
    const { work } = setUp();
    const codes = await Promise.all([create(1), bio(2, 'nobody'), create(3)].map((one) => codeOf(work.run(one))));
    expect(codes).toEqual(['done', 'user-not-found', 'done']);
  });

  it('lets a decision that throws something unforeseen harm nobody else in the batch', async () => {
    const { work } = setUp();
    const broken = change(2, () => {
      throw new TypeError('a bug');
    });
    expect(await Promise.all([create(1), broken, create(3)].map((one) => codeOf(work.run(one))))).toEqual([
      'done',
      'TypeError: a bug',
      'done',
    ]);
  });

  it.each([0, 1, 5, 8])('finds the one change that the database refuses (at place %i), and appends the others', async (bad) => {
    const { work, users } = setUp({
      beforeAppend: (batch) => {
        if (usersIn(batch)?.includes(bad + 1)) throw new StoreFailure('refused', '22P05');
      },
    });
    const codes = await Promise.all(Array.from({ length: 9 }, (_, index) => codeOf(work.run(create(index + 1)))));
    expect(codes.filter((code) => code === 'done')).toHaveLength(8);
    expect(codes[bad]).toContain('refused');
    expect(users.size).toBe(8);
  });

  it('reads a refusal by the constraint behind the check as a taken key', async () => {
    const { work } = setUp({
      beforeAppend: () => {
        throw new StoreFailure('refused', '23505', 'users_phone_key');
      },
    });
    expect(await codeOf(work.run(create(1)))).toBe('phone-taken');
  });

  it('appends once when the answer to an append was lost', async () => {
    let lost = false;
    const { work, store, users } = setUp();
    const append = store.append.bind(store);
    store.append = async (batch) => {
      const outcomes = await append(batch);
      if (!lost) {
        lost = true;
        throw new StoreFailure('unknown');
      }
      return outcomes;
    };
    expect(await work.run(create(1))).toMatchObject({ stored: { version: 1 } });
    expect(users.get(userId(1))?.version).toBe(1);
  });

  it('takes at most 10,000 that wait, and tells the next one that it is busy', async () => {
    // Their time does not run out here, however long a busy machine takes.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { closed, open } = gate();
    const { work } = setUp({ beforeAppend: () => closed });
    const running = work.run(create(1));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    const waiting = Array.from({ length: 10_000 }, (_, index) => codeOf(work.run(create(2 + index))));
    expect(await codeOf(work.run(bio(1, 'one too many')))).toBe('overloaded');
    open();
    await running;
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['done']));
    vi.useRealTimers();
  });

  it('takes at most 512 of one user, and others as before', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { closed, open } = gate();
    const { work } = setUp({ beforeAppend: () => closed });
    const changes = [create(1), ...Array.from({ length: 511 }, (_, index) => bio(1, `bio ${index}`))].map((one) => codeOf(work.run(one)));
    expect(await codeOf(work.run(bio(1, 'one too many')))).toBe('overloaded');
    const other = codeOf(work.run(create(2)));
    open();
    expect(new Set(await Promise.all([...changes, other]))).toEqual(new Set(['done']));
    expect(await codeOf(work.run(bio(1, 'in peace')))).toBe('done');
    vi.useRealTimers();
  });

  it('takes 16 MiB of input at most', async () => {
    const { closed, open } = gate();
    const { work } = setUp({ beforeAppend: () => closed });
    const large = { input_size: 8 * 1_048_576 };
    const changes = [1, 2].map((user) => codeOf(work.run(create(user, undefined, large))));
    expect(await codeOf(work.run(create(3, undefined, { input_size: 1 })))).toBe('overloaded');
    open();
    expect(await Promise.all(changes)).toEqual(['done', 'done']);
    expect(await codeOf(work.run(create(3, undefined, large)))).toBe('done');
  });

  it('counts what it has answered once, also where the store answers when the time is over', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { closed, open } = gate();
    let late = true;
    const { work } = setUp({
      beforeAppend: async () => {
        await closed;
        if (late) throw new StoreFailure('refused', '22000');
      },
    });
    const large = { input_size: 8 * 1_048_576 };
    const answer = codeOf(work.run(create(1, undefined, large)));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    vi.advanceTimersByTime(9_000);
    expect(await answer).toBe('outcome-unknown');
    open();
    await new Promise(setImmediate);
    vi.useRealTimers();
    await until('the unit of work is at rest', async () => (await codeOf(work.run(bio(2, 'nobody')))) === 'user-not-found');
    late = false;
    const together = [3, 4].map((user) => codeOf(work.run(create(user, undefined, large))));
    expect(await codeOf(work.run(create(5, undefined, { input_size: 1 })))).toBe('overloaded');
    expect(await Promise.all(together)).toEqual(['done', 'done']);
  });

  it('finishes what it took in when it is closed, and takes no more', async () => {
    const { closed, open } = gate();
    const { work, users } = setUp({ beforeAppend: () => closed });
    const taken = [1, 2].map((user) => codeOf(work.run(create(user))));
    const late = codeOf(work.run(bio(1, 'Hi')));
    const closing = work.close();
    expect(await codeOf(work.run(create(3)))).toBe('shutting-down');
    open();
    await closing;
    expect(await Promise.all([...taken, late])).toEqual(['done', 'done', 'done']);
    expect(users.size).toBe(2);
  });

  it('closes at once when it has nothing to do', () => expect(setUp().work.close()).resolves.toBeUndefined());
});

describe('a unit of work on a store that does not answer', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const never = () => new Promise<void>(() => {});
  /** Lets the first batch reach the store, then lets the time of every change run out. */
  const wait = async (ms: number) => {
    await vi.advanceTimersByTimeAsync(ms);
  };

  it('says that the outcome is unknown for what was sent, and that nothing was changed for what was not', async () => {
    const { work } = setUp({ beforeAppend: never });
    const sent = codeOf(work.run(create(1)));
    await wait(100);
    const unsent = codeOf(work.run(create(2)));
    await wait(9_100);
    expect(await Promise.all([sent, unsent])).toEqual(['outcome-unknown', 'store-unavailable']);
  });

  it('says that nothing was changed while it cannot even load', async () => {
    const { work } = setUp({ beforeLoad: never });
    const loading = codeOf(work.run(bio(1, 'Hi')));
    await wait(9_100);
    expect(await loading).toBe('store-unavailable');
  });

  it('tells the twin of a request that is still running', async () => {
    const { work } = setUp({ beforeAppend: never });
    const first = codeOf(work.run(create(1, 'a@x.io', { once: once('k') })));
    const twin = codeOf(work.run(create(2, 'a@x.io', { once: once('k') })));
    await wait(9_100);
    expect(await Promise.all([first, twin])).toEqual(['outcome-unknown', 'idempotency-in-progress']);
  });

  it('gives up within seconds when the database cannot be reached at all', async () => {
    const { work } = setUp({
      beforeAppend: () => {
        throw new StoreFailure('unsent');
      },
    });
    const started = Date.now();
    const refused = codeOf(work.run(create(1)));
    await wait(5_000);
    expect(await refused).toBe('store-unavailable');
    expect(Date.now() - started).toBeLessThanOrEqual(5_000);
  });

  it('does not append after all what it has answered that nothing was changed', async () => {
    const { closed, open } = gate();
    const { work, batches } = setUp({ beforeLoad: () => closed });
    const late = codeOf(work.run(bio(1, 'Hi', { decide: () => ({ events: [{ type: 'UserActivated', data: {}, personal: {} }] }) })));
    await wait(9_100);
    expect(await late).toBe('store-unavailable');
    open();
    await wait(100);
    expect(batches).toEqual([]);
  });

  it('goes on with the next changes when the database is back', async () => {
    let away = true;
    const { work, users } = setUp({
      beforeAppend: () => {
        if (away) throw new StoreFailure('unknown');
      },
    });
    const first = codeOf(work.run(create(1)));
    await wait(2_000);
    away = false;
    await wait(1_000);
    expect(await first).toBe('done');
    expect(users.size).toBe(1);
  });
});

describe('a change whose rows another session holds', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** A store in which user 1 is held while `held` says so. */
  const heldStore = () => {
    const memory = memoryStore();
    const state = { held: false };
    const append: typeof memory.store.append = async (batch) => {
      const free = batch.filter(({ change }) => !state.held || change.user_id !== userId(1));
      const outcomes = await memory.store.append(free);
      return batch.map((one) => outcomes[free.indexOf(one)] ?? { verdict: 'busy' });
    };
    return { ...memory, state, work: new UnitOfWork({ ...memory.store, append }) };
  };
  const holdFirst = async () => {
    const store = heldStore();
    const created = [store.work.run(create(1)), store.work.run(create(2))];
    await vi.advanceTimersByTimeAsync(10);
    await Promise.all(created);
    store.state.held = true;
    return store;
  };

  it('is made as soon as the other lets go, and keeps its place before later ones of its user', async () => {
    const { work, state, users } = await holdFirst();
    const changes = ['a', 'b', 'c'].map((text) => work.run(bio(1, text)));
    await vi.advanceTimersByTimeAsync(1_000);
    state.held = false;
    await vi.advanceTimersByTimeAsync(100);
    expect((await Promise.all(changes)).map((changed) => 'stored' in changed && changed.stored.version)).toEqual([2, 3, 4]);
    expect(users.get(userId(1))?.user.bio).toBe('c');
  });

  it('is refused after two seconds, and so are those behind it; another one is answered at once meanwhile', async () => {
    const { work } = await holdFirst();
    const held = ['a', 'b'].map((text) => codeOf(work.run(bio(1, text))));
    await vi.advanceTimersByTimeAsync(500);
    const other = codeOf(work.run(bio(2, 'c')));
    await vi.advanceTimersByTimeAsync(10);
    expect(await Promise.race([other, 'waits'])).toBe('done');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await Promise.all(held)).toEqual(['store-busy', 'store-busy']);
  });

  it('may be in the log by an earlier try that nobody heard of', async () => {
    const memory = memoryStore();
    let tries = 0;
    const append = async (): Promise<[{ verdict: 'busy' }]> => {
      if (tries++ === 0) throw new StoreFailure('unknown');
      return [{ verdict: 'busy' }];
    };
    const refused = codeOf(new UnitOfWork({ ...memory.store, append }).run(create(1)));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await refused).toBe('outcome-unknown');
  });

  it('is found by halving where only a try can tell, and hears of it at once', async () => {
    const { work } = setUp({
      beforeAppend: (batch) => {
        if (usersIn(batch)?.includes(2)) throw new StoreFailure('refused', '55P03');
      },
    });
    const codes = [1, 2, 3].map((user) => codeOf(work.run(create(user))));
    await vi.advanceTimersByTimeAsync(100);
    expect(await Promise.all(codes)).toEqual(['done', 'store-busy', 'done']);
  });

  it('is refused at once for two seconds after a try has found it out, so that nobody else waits for the next one', async () => {
    let tries = 0;
    const { work } = setUp({
      beforeAppend: (batch) => {
        if (usersIn(batch)?.includes(2) && ++tries < 3) throw new StoreFailure('refused', '55P03');
      },
    });
    const heard = async (user: number): Promise<string> => {
      const code = codeOf(work.run(create(user)));
      await vi.advanceTimersByTimeAsync(100);
      return code;
    };
    expect(await heard(1)).toBe('done');
    for (let again = 0; again < 5; again++) expect(await heard(2)).toBe('store-busy');
    expect(await heard(3)).toBe('done');
    expect(tries).toBe(1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect([await heard(2), tries]).toEqual(['store-busy', 2]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await heard(2)).toBe('done');
  });
});

describe('a store that is busy as a whole', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is not asked again by whoever could not hear the answer: nothing was changed, for certain', async () => {
    const { work, batches } = setUp({
      beforeAppend: async () => {
        await new Promise((resolve) => setTimeout(resolve, 4_000));
        throw new StoreFailure('rolled-back', '57014');
      },
    });
    const first = codeOf(work.run(create(1)));
    await vi.advanceTimersByTimeAsync(100);
    const behind = codeOf(work.run(create(2)));
    await vi.advanceTimersByTimeAsync(9_100);
    expect(await Promise.all([first, behind])).toEqual(['store-busy', 'store-busy']);
    expect(batches).toEqual([]);
  });
});

describe('a log that is not the one that the process follows', () => {
  it('is looked at, and every change of the batch decided again on it', async () => {
    const memory = memoryStore();
    await new UnitOfWork(memory.store).run(create(1));
    let other = true;
    const append: typeof memory.store.append = async (batch) =>
      other ? batch.map(() => ({ verdict: 'other-log' })) : memory.store.append(batch);
    const onOtherLog = vi.fn(async () => {
      // What the process had not seen.
      await new UnitOfWork(memory.store).run(bio(1, 'theirs'));
      other = false;
    });
    const work = new UnitOfWork({ ...memory.store, append }, { onOtherLog });
    expect(await Promise.all([work.run(bio(1, 'ours')), work.run(create(2))])).toMatchObject([
      { stored: { version: 3 } },
      { stored: { version: 1 } },
    ]);
    expect(onOtherLog).toHaveBeenCalledTimes(1);
  });
});

describe('what a change came to', () => {
  const stored = { user_id: userId(1), version: 1 };
  const answering = async (verdict: 'ok' | 'done' | 'ended') => {
    const { store, work } = setUp();
    await work.run(create(1));
    const other = new UnitOfWork({ ...store, append: async () => [verdict === 'ended' ? { verdict } : { verdict, version: 2 }] });
    return other.run(bio(1, 'text', { completes: 'task' }));
  };

  it('is the newest state where it was appended now', async () =>
    expect(await answering('ok')).toMatchObject({
      outcome: 'done',
      appended: 'now',
      stored: { ...stored, version: 2, user: { bio: 'text' } },
    }));

  it('may not be the newest where an earlier run appended it', async () =>
    expect(await answering('done')).toMatchObject({ outcome: 'done', appended: 'earlier', stored: { ...stored, version: 2 } }));

  it('is nothing where another run ended the task: what was decided here is in no log', async () => {
    const changed = await answering('ended');
    expect(changed).toMatchObject({ outcome: 'done', stored: { ...stored, user: { bio: null } } });
    expect(changed).not.toHaveProperty('appended');
  });
});
