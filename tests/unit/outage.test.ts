import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Outage, outage, type Reason } from '../../src/infrastructure/concurrency/outage.ts';

let lines: string[];
const put = (_: object, text: string): void => void lines.push(text);
const log = { info: put, warn: put, error: put };
const reasonOf = (error: unknown): Reason => (typeof error === 'string' ? { text: error } : (error as Reason));
const made = (quietMs?: number): Outage =>
  outage({ log, thing: 'PostgreSQL', fails: 'cannot be reached', works: 'is back', reasonOf, ...(quietMs && { quietMs }) });
/** Everybody meets it, all the time. */
const meet = (trouble: Outage, seconds: number, error: unknown): void => {
  for (let step = 0; step < seconds * 10; step++) {
    trouble.report(error);
    vi.advanceTimersByTime(100);
  }
};
const works = (trouble: Outage, seconds: number): void => {
  trouble.over();
  vi.advanceTimersByTime(seconds * 1_000);
};

beforeEach(() => {
  lines = [];
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('an outage', () => {
  it('is told of when it begins, every minute, and when it is over, with its length, however often it is met', () => {
    const trouble = made();
    meet(trouble, 134, 'refused');
    works(trouble, 5);
    expect(lines).toEqual([
      'PostgreSQL cannot be reached: refused',
      'PostgreSQL still cannot be reached, for 1 minute now: refused',
      'PostgreSQL still cannot be reached, for 2 minutes now: refused',
      'PostgreSQL is back after 2 min 14 s',
    ]);
  });

  it('is told of again where the reason becomes another one', () => {
    const trouble = made();
    for (const reason of ['full', 'full', 'gone', 'full']) trouble.report(reason);
    expect(lines).toEqual(['full', 'gone', 'full'].map((reason) => `PostgreSQL cannot be reached: ${reason}`));
  });

  it('writes a handful of lines where its reasons take turns', () => {
    const trouble = made();
    for (let second = 0; second < 120; second++) meet(trouble, 1, `reason ${second % 3}`);
    expect(lines.length).toBeLessThan(15);
  });

  it('is one outage where the thing comes and goes', () => {
    const trouble = made();
    for (let second = 0; second < 50; second++) {
      meet(trouble, 0.5, 'refused');
      works(trouble, 0.1);
    }
    works(trouble, 5);
    expect(lines).toEqual(['PostgreSQL cannot be reached: refused', 'PostgreSQL is back after 30 s']);
  });

  it('writes a handful of lines where the thing stays for longer each time and goes again', () => {
    const trouble = made();
    for (let round = 0; round < 100; round++) {
      meet(trouble, 1, 'refused');
      works(trouble, 3);
    }
    expect(lines.length).toBeLessThan(15);
  });

  it('is told of again after it was over', () => {
    const trouble = made();
    for (let round = 0; round < 2; round++) {
      meet(trouble, 2, 'refused');
      works(trouble, 100);
    }
    const one = ['PostgreSQL cannot be reached: refused', 'PostgreSQL is back after 2 s'];
    expect(lines).toEqual([...one, ...one]);
  });

  it('of silence is told of where it lasts, and a late answer is none', () => {
    const trouble = made();
    const silence = { text: 'no answer in time', unsure: true };
    meet(trouble, 2, silence);
    works(trouble, 1);
    expect(lines).toEqual([]);
    meet(trouble, 4, silence);
    expect(lines).toEqual(['PostgreSQL cannot be reached: no answer in time']);
  });

  it('is over where nobody has met it for a while, if nobody says when it is', () => {
    const trouble = made(10_000);
    meet(trouble, 3, 'refused');
    vi.advanceTimersByTime(60_000);
    expect(lines).toEqual(['PostgreSQL cannot be reached: refused', 'PostgreSQL is back after 3 s']);
  });

  it('is not told to last where it was not met since the last line, nor for more than a minute longer because it comes back', () => {
    const trouble = made(90_000);
    for (let time = 0; time < 4; time++) {
      meet(trouble, 3, 'refused');
      vi.advanceTimersByTime(100_000);
    }
    expect(lines).toEqual(
      Array.from({ length: 4 }, () => ['PostgreSQL cannot be reached: refused', 'PostgreSQL is back after 3 s']).flat(),
    );
  });

  it('that is forgotten is told of no more', () => {
    const trouble = made();
    trouble.report('refused');
    trouble.forget();
    vi.advanceTimersByTime(600_000);
    expect(lines).toHaveLength(1);
  });

  it('has a reason for as long as it lasts', () => {
    const trouble = made();
    expect(trouble.reason()).toBeNull();
    trouble.report('full');
    expect(trouble.reason()).toEqual({ text: 'full' });
    trouble.over();
    expect(trouble.reason()).toBeNull();
  });
});
