import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import fc, { type Scheduler } from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { StoredUser } from '../../src/domain/repositories/user-repository.ts';
import { UserId } from '../../src/domain/value-objects/user-id.ts';
import { userCache } from '../../src/infrastructure/cache/user-cache.ts';
import { created, userAfter } from '../fixtures/given.ts';

const ID = UserId('550e8400-e29b-41d4-a716-446655440000');
const user = userAfter(created) as StoredUser['user'];
const stored = (version: number, user_id = ID): StoredUser => ({ user_id, version, user });
/** The same version of another log. */
const other = (version: number): StoredUser => ({ ...stored(version), user: { ...user, updated_at: '2026-12-01T00:00:00.000Z' } });

/** A cache whose loads end when the test says so. */
const manual = (options: { maxAgeMs?: number; trusted?: () => boolean; onOlder?: () => Promise<void> } = {}) => {
  const loads: { answer: (version: number) => void; fail: (error: Error) => void }[] = [];
  const load = (): Promise<StoredUser> => {
    const { promise, resolve, reject } = Promise.withResolvers<StoredUser>();
    loads.push({ answer: (version) => resolve(stored(version)), fail: reject });
    return promise;
  };
  const cache = userCache({ load, maxAgeMs: 0, trusted: () => true, ...options });
  const answer = async (index: number, version: number): Promise<void> => {
    loads[index]?.answer(version);
    await turn();
  };
  return { cache, loads, answer, find: (fresh = false) => cache.find(ID, fresh).then((found) => found?.version) };
};

describe('a cache of users', () => {
  afterEach(() => void vi.restoreAllMocks());

  it('loads once for all who ask meanwhile, and then answers by itself with the same object', async () => {
    const { cache, loads, answer } = manual();
    const asked = [cache.find(ID, false), cache.find(ID, false), cache.find(ID, false)];
    await answer(0, 3);
    const [first, ...others] = await Promise.all(asked);
    for (const other of [...others, await cache.find(ID, false)]) expect(other).toBe(first);
    expect(loads.length).toBe(1);
  });

  it('asks again after a load that failed', async () => {
    const { loads, answer, find } = manual();
    const failed = find();
    loads[0]?.fail(new Error('away'));
    await expect(failed).rejects.toThrow('away');
    const second = find();
    await answer(1, 1);
    expect(await second).toBe(1);
  });

  it('keeps as many users as fit in 32 MiB', async () => {
    let loads = 0;
    const large = { ...user, bio: '李'.repeat(1_000_000) };
    const load = async (user_id: UserId): Promise<StoredUser> => {
      loads++;
      return { user_id, version: 1, user: large };
    };
    const cache = userCache({ load, maxAgeMs: 0, trusted: () => true });
    const ids = Array.from({ length: 20 }, (_, n) => UserId(`550e8400-e29b-41d4-a716-4466554400${String(n).padStart(2, '0')}`));
    for (const id of ids) await cache.find(id, false);
    for (const id of ids.toReversed()) await cache.find(id, false);
    // Of 2 MB each, 16 fit.
    expect(loads).toBe(24);
  });

  it('does not remember that somebody does not exist', async () => {
    let found: StoredUser | null = null;
    const cache = userCache({ load: async () => found, maxAgeMs: 0, trusted: () => true });
    expect(await cache.find(ID, false)).toBeNull();
    found = stored(1);
    expect(await cache.find(ID, false)).toBe(found);
  });

  it('goes to the store for a fresh read, also while a load is under way, and serves what came of it from then on', async () => {
    const { loads, answer, find } = manual();
    const [old, fresh] = [find(), find(true)];
    expect(loads.length).toBe(2);
    await answer(1, 2);
    await answer(0, 1);
    expect([await old, await fresh, await find()]).toEqual([2, 2, 2]);
    expect(loads.length).toBe(2);
  });

  it('leaves a tombstone: a load that began before an invalidation does not bring back what was before', async () => {
    const { cache, loads, answer, find } = manual();
    const early = find();
    cache.invalidate(ID, 2);
    const late = find();
    await answer(0, 1);
    await answer(1, 2);
    expect([await early, await late, await find()]).toEqual([1, 2, 2]);
    expect(loads.length).toBe(2);
  });

  it('keeps what is newer, whichever comes first', async () => {
    const { cache, loads, find } = manual();
    cache.put(stored(5));
    cache.put(stored(4));
    cache.invalidate(ID, 4);
    cache.invalidate(ID, 5);
    expect([await find(), loads.length]).toEqual([5, 0]);
  });

  it('is not misled by an overtaken load, even where all that was known has fallen out of it meanwhile', async () => {
    const { cache, answer, loads, find } = manual();
    const early = find();
    cache.put(stored(2));
    for (let i = 0; i < 20_000; i++) cache.put(stored(1, `other ${i}` as UserId));
    await answer(0, 1);
    expect(await early).toBe(1);
    const late = find();
    expect(loads.length).toBe(2);
    await answer(1, 2);
    expect(await late).toBe(2);
  });

  it('serves nothing that is too old, but still knows its version', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(1_000);
    const { cache, answer, loads, find } = manual({ maxAgeMs: 2_000 });
    cache.put(stored(2));
    expect([await find(), loads.length]).toEqual([2, 0]);
    clock.mockReturnValue(3_001);
    // The cache looks at the clock once a millisecond at most.
    await sleep(5);
    // The answer to a write that was overtaken elsewhere arrives late.
    cache.put(stored(1));
    const again = find();
    expect(loads.length).toBe(1);
    await answer(0, 2);
    expect([await again, await find(), loads.length]).toEqual([2, 2, 1]);
  });

  it('forgets everything of a log that is no more: what was loaded, what is on its way, and which versions there were', async () => {
    const { cache, answer, loads, find } = manual();
    cache.put(stored(9));
    const early = find(true);
    cache.forget();
    await answer(0, 9);
    expect(loads.length).toBe(2);
    await answer(1, 3);
    expect([await early, await find(), cache.versionOf(ID), loads.length]).toEqual([3, 3, 3, 2]);
  });

  it('asks whether the log has gone back where the store has an older version than it had', async () => {
    let asked = 0;
    const onOlder = async (): Promise<void> => {
      asked++;
      cache.forget();
    };
    const { cache, answer, loads, find } = manual({ onOlder });
    cache.put(stored(5));
    const fresh = find(true);
    await answer(0, 3);
    expect([asked, loads.length]).toEqual([1, 2]);
    await answer(1, 3);
    expect([await fresh, await find(), asked]).toEqual([3, 3, 1]);
  });

  it('does not ask where the version became known while the load was under way', async () => {
    let asked = 0;
    const { cache, answer, find } = manual({ onOlder: async () => void asked++ });
    const early = find();
    cache.invalidate(ID, 5);
    await answer(0, 3);
    expect([await early, asked]).toEqual([3, 0]);
  });

  it('never takes one version of two logs for the other: what was written or loaded last counts, and what the log says', async () => {
    const { cache, loads, find } = manual();
    cache.put(stored(5));
    cache.put(other(5));
    expect((await cache.find(ID, false))?.user.updated_at).toBe(other(5).user.updated_at);
    cache.invalidate(ID, 5, new Date(other(5).user.updated_at));
    expect([await find(), loads.length]).toEqual([5, 0]);
    cache.invalidate(ID, 5, new Date(user.updated_at));
    void find();
    expect(loads.length).toBe(1);
  });

  it('serves nothing while it is not told of changes', async () => {
    let trusted = false;
    const { cache, loads, answer, find } = manual({ trusted: () => trusted });
    cache.put(stored(2));
    const asked = find();
    expect(loads.length).toBe(1);
    await answer(0, 2);
    expect(await asked).toBe(2);
    trusted = true;
    expect([await find(), loads.length]).toEqual([2, 1]);
  });

  it('joins no load that is under way while it is not told of changes', async () => {
    const { loads, answer, find } = manual({ trusted: () => false });
    const [early, late] = [find(), find()];
    expect(loads.length).toBe(2);
    await answer(0, 1);
    await answer(1, 2);
    expect([await early, await late]).toEqual([1, 2]);
  });

  it('keeps no tombstone for a first version, but lets nobody join the load that found nobody', async () => {
    const { loads, answer, find, cache } = manual();
    const early = find();
    cache.invalidate(ID, 1);
    expect(cache.versionOf(ID)).toBe(0);
    const late = find();
    expect(loads.length).toBe(2);
    await answer(1, 1);
    expect(await late).toBe(1);
    await answer(0, 1);
    expect(await early).toBe(1);
  });
});

type Act = 'read' | 'fresh' | 'write here' | 'write elsewhere' | 'forget';
const acts = fc.array(fc.constantFrom<Act>('read', 'read', 'read', 'fresh', 'write here', 'write elsewhere', 'forget'), {
  minLength: 2,
  maxLength: 10,
});

/** Runs the acts against a store that is slow in both directions; the scheduler decides what happens when. */
const play = async (s: Scheduler, wanted: readonly Act[]) => {
  let committed = 1;
  /** What any reader who begins now must see at least. */
  let floor = 1;
  let loading = 0;
  let mostLoading = 0;
  const log: number[] = [];
  const step = (label: string): Promise<void> => s.schedule(Promise.resolve(), label);
  const raise = (version: number): void => {
    floor = Math.max(floor, version);
  };

  const load = async (): Promise<StoredUser> => {
    mostLoading = Math.max(mostLoading, ++loading);
    await step('the statement arrives');
    const version = committed;
    await step('the answer arrives');
    loading--;
    return stored(version);
  };
  const cache = userCache({ load, maxAgeMs: 0, trusted: () => true });

  /** The log is followed in its order, some time later. */
  const follow = async (): Promise<void> => {
    await step('the log is read');
    const version = log.shift() ?? 0;
    cache.invalidate(ID, version);
    raise(version);
  };
  const write = async (here: boolean): Promise<void> => {
    const [version, era] = [++committed, cache.era()];
    log.push(version);
    const followed = follow();
    await step('the answer to the write arrives');
    if (here) era === cache.era() ? cache.put(stored(version)) : cache.invalidate(ID, version);
    if (here) raise(version);
    await followed;
  };
  const read = async (fresh: boolean): Promise<void> => {
    const [least, now] = [floor, committed];
    const found = await cache.find(ID, fresh);
    expect(found?.version).toBeGreaterThanOrEqual(fresh ? now : least);
    raise(found?.version ?? 0);
  };

  const run = async (act: Act): Promise<void> => {
    await step(act);
    if (act === 'forget') cache.forget();
    else if (act.startsWith('write')) await write(act === 'write here');
    else await read(act === 'fresh');
  };
  await s.waitFor(Promise.all(wanted.map(run)));
  const last = cache.find(ID, false);
  await s.waitFor(last);
  return { last: await last, committed, mostLoading };
};

describe('a cache of users, in any order of reads, writes, invalidations and slow loads', () => {
  it('never gives an older version after a newer one was served, written or announced, and ends up with the newest', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), acts, async (s, wanted) => {
        const { last, committed } = await play(s, wanted);
        expect(last?.version).toBe(committed);
      }),
      { numRuns: 600 },
    );
  });

  it('loads one at a time while there is nothing but reads', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.nat({ max: 8 }), async (s, readers) => {
        const { mostLoading } = await play(s, Array<Act>(readers).fill('read'));
        expect(mostLoading).toBeLessThanOrEqual(1);
      }),
      { numRuns: 200 },
    );
  });
});
