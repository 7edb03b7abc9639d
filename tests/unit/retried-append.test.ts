import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Problem } from '../../src/domain/problem.ts';
import { type FailureKind, StoreFailure } from '../../src/infrastructure/persistence/database/database.ts';
import { retriedAppend } from '../../src/infrastructure/persistence/database/retried-append.ts';

// Sleeps follow the fake clock too.
vi.mock('node:timers/promises', () => ({ setTimeout: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)) }));

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Fails with these, one after the other, then works. */
const failing = (...failures: unknown[]) =>
  vi.fn(async () => {
    if (failures.length > 0) throw failures.shift();
    return 'worked';
  });
const always = (error: unknown) =>
  vi.fn(async (): Promise<string> => {
    throw error;
  });
const outcome = (promise: Promise<unknown>) =>
  promise.catch((error: unknown) => (error instanceof Problem ? error.code : error instanceof StoreFailure ? error.kind : error));

describe('retrying', () => {
  it('does not wait when the first try works', async () => expect(await retriedAppend(failing(), () => false)).toBe('worked'));

  it.each<FailureKind>(['unsent', 'unknown', 'rolled-back'])('tries again after a failure that is %s', async (kind) => {
    const action = failing(new StoreFailure(kind), new StoreFailure(kind));
    const result = outcome(retriedAppend(action, () => false));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await result).toBe('worked');
    expect(action).toHaveBeenCalledTimes(3);
  });

  it.each(['25006', '53100'])('says after a while that the database takes no changes (%s)', async (sqlstate) => {
    const result = outcome(retriedAppend(always(new StoreFailure('rolled-back', sqlstate)), () => false));
    await vi.advanceTimersByTimeAsync(4_000);
    expect(await result).toBe('store-read-only');
  });

  it('goes on where an earlier try may have been applied, though the database takes no changes now', async () => {
    const action = failing(new StoreFailure('unknown'), ...Array.from({ length: 8 }, () => new StoreFailure('rolled-back', '25006')));
    const result = outcome(retriedAppend(action, () => false));
    await vi.advanceTimersByTimeAsync(6_000);
    expect(await result).toBe('worked');
  });

  it('does not repeat what the server refuses for good', async () => {
    const action = always(new StoreFailure('refused'));
    expect(await outcome(retriedAppend(action, () => false))).toBe('refused');
    expect(action).toHaveBeenCalledTimes(1);
  });

  it('passes on at once what is no failure of the store', async () => {
    const bug = new TypeError('a bug');
    expect(await outcome(retriedAppend(always(bug), () => false))).toBe(bug);
  });

  it('gives up a database that it could not reach once in three seconds', async () => {
    const result = outcome(retriedAppend(always(new StoreFailure('unsent')), () => false));
    await vi.advanceTimersByTimeAsync(4_000);
    expect(await result).toBe('store-unavailable');
  });

  it('goes on for as long as somebody waits once the statement may have reached the server', async () => {
    let abandoned = false;
    const result = outcome(
      retriedAppend(
        failing(new StoreFailure('unknown'), ...Array.from({ length: 100 }, () => new StoreFailure('unsent'))),
        () => abandoned,
      ),
    );
    let settled = false;
    void result.then(() => {
      settled = true;
    });
    await vi.advanceTimersByTimeAsync(8_000);
    expect(settled).toBe(false);
    abandoned = true;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await result).toBe('store-unavailable');
  });

  it('pauses half a second at most between two tries', async () => {
    const action = always(new StoreFailure('unknown'));
    let abandoned = false;
    const result = outcome(retriedAppend(action, () => abandoned));
    await vi.advanceTimersByTimeAsync(5_000);
    const calls = action.mock.calls.length;
    await vi.advanceTimersByTimeAsync(501);
    expect(action.mock.calls.length).toBeGreaterThan(calls);
    abandoned = true;
    await vi.advanceTimersByTimeAsync(1_000);
    await result;
  });
});
