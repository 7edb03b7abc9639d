import { beforeEach, describe, expect, it } from 'vitest';
import { LogInvalidation, type LogPage } from '../../src/infrastructure/cache/log-invalidation.ts';
import type { Database } from '../../src/infrastructure/persistence/database/database.ts';
import type { LogChange, SeenEvent } from '../../src/infrastructure/persistence/log/seen-event.ts';
import { untold } from '../fixtures/told.ts';

const STREAM = 'user-550e8400-e29b-41d4-a716-446655440000';

let log: SeenEvent[];
let pages: LogPage[];
let lost: LogChange[];
let follower: LogInvalidation;

const append = (count = 1): void => {
  for (let left = count; left > 0; left--) {
    const position = log.length + 1;
    log.push({ position, stream: STREAM, version: position, at: new Date(position) });
  }
};
const query = async (_: string, [position]: [number | null]): Promise<unknown[]> => {
  const found = log.slice(position === null ? -1 : Math.max(0, position - 1));
  const end = { head: log.length, generation: 1 };
  return found.length > 0
    ? found.map((event) => ({ ...end, ...event }))
    : [{ ...end, position: null, stream: null, version: null, at: null }];
};
beforeEach(() => {
  [log, pages, lost] = [[], [], []];
  follower = new LogInvalidation({
    database: { query: query as unknown as Database['query'] },
    apply: (page) => pages.push(page),
    onOtherLog: (change) => lost.push(change),
    away: untold,
  });
});

describe('the log is followed', () => {
  it('from its end at the first look, and then every change, once', async () => {
    append(3);
    await follower.follow();
    append(2);
    await follower.follow();
    await follower.follow();
    expect(pages.map(({ from, to, changes }) => [from, to, changes.size])).toEqual([
      [3, 3, 0],
      [3, 5, 1],
      [5, 5, 0],
    ]);
    expect(follower.seen()).toMatchObject(log.at(-1) as SeenEvent);
  });

  it('from its beginning, where it was empty', async () => {
    await follower.follow();
    append(2);
    await follower.follow();
    expect(pages.map(({ from, to, changes }) => [from, to, changes.size])).toEqual([
      [0, 0, 0],
      [0, 2, 1],
    ]);
  });

  it.each<[string, () => unknown, LogChange]>([
    ['lacks the last event that was seen', () => log.pop(), { seen: 5, head: 4 }],
    ['is empty', () => (log = []), { seen: 5, head: 0 }],
    [
      'has another one of the same user and version in its place',
      () => (log[4] = { ...(log[4] as SeenEvent), at: new Date(99) }),
      { seen: 5, head: 5 },
    ],
    [
      'has one of another user in its place, and more',
      () => {
        log[4] = { ...(log[4] as SeenEvent), stream: 'views-1' };
        append(3);
      },
      { seen: 5, head: 8 },
    ],
  ])('and is another one where it %s: that is told once, and it is followed from its end', async (_, goBack, change) => {
    append(5);
    await follower.follow();
    goBack();
    expect(await follower.follow()).toBe(true);
    expect([lost, follower.trusted()]).toEqual([[change], false]);
    await follower.follow();
    append();
    await follower.follow();
    expect([lost.length, follower.trusted(), pages.at(-1)?.to]).toEqual([1, true, log.length]);
  });

  it('anew where somebody else noticed: a round under way counts for nothing', async () => {
    append(5);
    await follower.follow();
    append();
    const round = follower.follow();
    follower.forget();
    expect(await round).toBe(true);
    expect([pages.length, follower.seen(), lost]).toEqual([1, null, []]);
  });
});
