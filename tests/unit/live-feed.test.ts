import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventFeed, PublicEvent } from '../../src/application/feed/event-feed.ts';
import { UserId } from '../../src/domain/value-objects/user-id.ts';
import { LogFeed } from '../../src/infrastructure/messaging/live-feed.ts';
import type { LogChange } from '../../src/infrastructure/persistence/log/seen-event.ts';
import { seeded } from '../fixtures/seeded.ts';
import { until } from '../fixtures/until.ts';

const users = [1, 2, 3].map((digit) => UserId(`550e8400-e29b-41d4-a716-44665544000${digit}`));

/** A log in memory that answers after a random while, and sometimes not at all. */
const memoryLog = () => {
  const log: PublicEvent[] = [];
  const reads = { count: 0 };
  let delay = (): number => 0;
  let away = false;
  const answer = async <T>(read: () => T): Promise<T> => {
    reads.count++;
    await sleep(delay());
    if (away) throw new Error('away');
    const found = read();
    await sleep(delay());
    return found;
  };
  const read = (after: number, limit: number, wanted: (event: PublicEvent) => boolean) =>
    answer(() => {
      const found = log.slice(after).filter(wanted);
      // A page may be cut before its limit; what is cut off first is never the second.
      const events = found.slice(0, Math.min(limit, 2 + ((37 * reads.count) % 600)));
      return { events, more: events.length < found.length };
    });
  const feed: EventFeed = {
    head: () => answer(() => log.length),
    read: (after, limit) => read(after, limit, () => true),
    readOf: (userId, after, limit) => read(after, limit, ({ stream }) => stream.endsWith(userId)),
  };
  return {
    feed,
    log,
    reads,
    append: (userId: UserId): void => {
      const version = log.filter(({ stream }) => stream.endsWith(userId)).length + 1;
      log.push({
        position: log.length + 1,
        stream: `user-${userId}`,
        user_id: userId,
        version,
        type: 'UserActivated',
        schema_version: 1,
        at: '2026-01-01T00:00:00.000Z',
        actor: null,
        correlation_id: null,
        data: {},
        changed: [],
      } as unknown as PublicEvent);
    },
    answerAfter: (next: () => number) => {
      delay = next;
    },
    goAway: (value: boolean) => {
      away = value;
    },
  };
};

let memory: ReturnType<typeof memoryLog>;
let live: LogFeed;
let failures: unknown[];
let lost: LogChange[];
let over: number;
beforeEach(() => {
  memory = memoryLog();
  failures = [];
  lost = [];
  over = 0;
  const noticed = (change: LogChange): void => {
    lost.push(change);
    live.beginAgain();
  };
  live = new LogFeed(memory.feed, noticed, { report: (error) => failures.push(error), over: () => over++ });
});
afterEach(() => live.stop());

/** Follows the feed and keeps the positions of what it is sent. `slow`: how often it cannot take more for a moment. */
const follow = (after: number, userId: UserId | null = null, slow: () => boolean = () => false) => {
  const positions: number[] = [];
  const told = { toBeginAgain: 0 };
  const reader = {
    userId,
    send: (event: Uint8Array): boolean => {
      positions.push(Number(JSON.parse(Buffer.from(event).toString()).position));
      return !slow();
    },
    drained: () => sleep(2),
    beginAgain: () => void told.toBeginAgain++,
  };
  return { positions, told, after, userId, leave: live.follow(reader, after) };
};

const wanted = (after: number, userId: UserId | null): number[] =>
  memory.log
    .filter(({ position, stream }) => position > after && (userId === null || stream.endsWith(userId)))
    .map(({ position }) => position);

describe('the live feed', () => {
  it('gives each reader everything beyond its position, once and in order, however reading and writing interleave', () =>
    seeded(async ({ below, pick }) => {
      memory.answerAfter(() => below(4));
      for (let event = 0; event < 1_300; event++) memory.append(pick(users));
      const readers: ReturnType<typeof follow>[] = [];
      for (let step = 0; step < 150; step++) {
        for (let event = below(8); event > 0; event--) memory.append(pick(users));
        if (below(4) === 0) {
          const from = below(3) === 0 ? below(memory.log.length) : memory.log.length - below(20);
          readers.push(follow(from, pick([null, ...users]), () => below(40) === 0));
        }
        if (below(30) === 0) for (const { leave } of readers.splice(0)) leave();
        if (below(10) === 0) memory.goAway(true);
        if (below(3) === 0) memory.goAway(false);
        await sleep(below(4));
        for (const { positions, after, userId } of readers) expect(positions).toEqual(wanted(after, userId).slice(0, positions.length));
      }
      memory.goAway(false);
      for (const { positions, after, userId } of readers) {
        const all = wanted(after, userId);
        await until('the reader has all', () => positions.length >= all.length);
        expect(positions).toEqual(all);
      }
      for (const { leave } of readers) leave();
    }));

  it('sends nothing more to who has left, in the middle of a page too', async () => {
    for (let event = 0; event < 100; event++) memory.append(users[0] as UserId);
    const positions: number[] = [];
    const send = (): boolean => {
      if (positions.push(1) === 10) leave();
      return true;
    };
    const leave = live.follow({ userId: null, send, drained: async () => {}, beginAgain: () => {} }, 0);
    await until('it has left', () => positions.length >= 10);
    memory.append(users[0] as UserId);
    const other = follow(100);
    await until('another one is served', () => other.positions.length === 1);
    expect(positions).toHaveLength(10);
    other.leave();
  });

  describe('of a log that goes back', () => {
    const append = (count: number): void => {
      for (let event = 0; event < count; event++) memory.append(users[event % 3] as UserId);
    };
    /** Another event than the one that was lost, in its place. */
    const replace = (): void => {
      memory.log.push({ ...(memory.log.pop() as PublicEvent), at: '2026-01-02T00:00:00.000Z' });
    };

    it.each<[string, () => void, LogChange]>([
      ['ends before what was sent', () => memory.log.splice(7), { seen: 10, head: 7 }],
      ['has another event in the place of the one that was sent last', replace, { seen: 10, head: 10 }],
      [
        'has lost some, and grown beyond them since',
        () => {
          memory.log.splice(7);
          append(20);
          memory.log[9] = { ...(memory.log[9] as PublicEvent), version: 99 };
        },
        { seen: 10, head: 27 },
      ],
    ])('tells everybody to begin again, and sends nothing more, where it %s', async (_, goBack, change) => {
      append(10);
      const readers = [follow(0), follow(10), follow(4, users[0])];
      await until('all are live', () => readers[0]?.positions.length === 10 && readers[2]?.positions.at(-1) === 10);
      const reads = memory.reads.count;
      await until('the end was looked at', () => memory.reads.count > reads + 5);
      goBack();
      await until('it was noticed', () => lost.length > 0);
      expect(lost).toEqual([change]);
      expect(readers.map(({ told }) => told.toBeginAgain)).toEqual([1, 1, 1]);
      expect(readers.map(({ positions }) => positions.filter((position) => position > 10))).toEqual([[], [], []]);
      expect(live.readers()).toBe(0);
      const again = follow(0);
      await until('who begins again has all', () => again.positions.length === memory.log.length);
      expect(again.told.toBeginAgain).toBe(0);
      again.leave();
    });
  });

  it('reads nothing while nobody follows', async () => {
    const reader = follow(0);
    memory.append(users[0] as UserId);
    await until('it is served', () => reader.positions.length === 1);
    reader.leave();
    await sleep(100);
    const before = memory.reads.count;
    await sleep(200);
    expect(memory.reads.count).toBe(before);
  });

  it('reads the tail once for all readers', async () => {
    const readers = Array.from({ length: 50 }, () => follow(0));
    memory.append(users[0] as UserId);
    await until('all are served', () => readers.every(({ positions }) => positions.length === 1));
    const before = memory.reads.count;
    for (let event = 0; event < 10; event++) memory.append(users[0] as UserId);
    await until('all are served again', () => readers.every(({ positions }) => positions.length === 11));
    expect(memory.reads.count - before).toBeLessThan(readers.length);
    for (const { leave } of readers) leave();
  });

  it('reads a page once for all who ask for it, and keeps none for who does not take it; the others catch up', async () => {
    for (let event = 0; event < 700; event++) memory.append(users[0] as UserId);
    let stalled = 0;
    const send = (): boolean => ++stalled > 100;
    const leaves = Array.from({ length: 100 }, () =>
      live.follow({ userId: null, send, drained: () => new Promise(() => {}), beginAgain: () => {} }, 0),
    );
    const reader = follow(0);
    await until('the reader has all', () => reader.positions.length === 700);
    expect(stalled).toBe(100);
    expect(memory.reads.count).toBeLessThan(50);
    expect(reader.positions).toEqual(wanted(0, null));
    for (const leave of leaves) leave();
    reader.leave();
  });

  it('goes on where it was once the log is back, and reports both', async () => {
    const reader = follow(0);
    memory.append(users[0] as UserId);
    await until('it is served', () => reader.positions.length === 1);
    for (const outage of [1, 2]) {
      failures = [];
      memory.goAway(true);
      await until('the outage is reported', () => failures.length > 0);
      memory.append(users[0] as UserId);
      const reads = memory.reads.count;
      await until('it has tried again and again', () => memory.reads.count > reads + 3);
      expect(reader.positions).toHaveLength(outage);
      over = 0;
      memory.goAway(false);
      await until('its end is reported', () => over > 0);
      await until('it is served again', () => reader.positions.length === outage + 1);
    }
    expect(reader.positions).toEqual([1, 2, 3]);
    reader.leave();
  });
});
