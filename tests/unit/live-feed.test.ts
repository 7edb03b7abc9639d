import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventFeed, PublicEvent } from '../../src/application/feed/event-feed.ts';
import { UserId } from '../../src/domain/value-objects/user-id.ts';
import { LogFeed } from '../../src/infrastructure/messaging/live-feed.ts';
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
    answer(() => log.slice(after).filter(wanted).slice(0, limit));
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
beforeEach(() => {
  memory = memoryLog();
  failures = [];
  live = new LogFeed(memory.feed, (error) => failures.push(error));
});
afterEach(() => live.stop());

/** Follows the feed and keeps the positions of what it is sent. `slow`: how often it cannot take more for a moment. */
const follow = (after: number, userId: UserId | null = null, slow: () => boolean = () => false) => {
  const positions: number[] = [];
  const reader = {
    userId,
    send: (event: Uint8Array): boolean => {
      positions.push(Number(JSON.parse(Buffer.from(event).toString()).position));
      return !slow();
    },
    drained: () => sleep(2),
  };
  return { positions, after, userId, leave: live.follow(reader, after) };
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
    const leave = live.follow({ userId: null, send, drained: async () => {} }, 0);
    await until('it has left', () => positions.length >= 10);
    memory.append(users[0] as UserId);
    const other = follow(100);
    await until('another one is served', () => other.positions.length === 1);
    expect(positions).toHaveLength(10);
    other.leave();
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

  it('goes on where it was once the log is back, and reports an outage once', async () => {
    const reader = follow(0);
    memory.append(users[0] as UserId);
    await until('it is served', () => reader.positions.length === 1);
    for (const outage of [1, 2]) {
      memory.goAway(true);
      await until('the outage is noticed', () => failures.length === outage);
      memory.append(users[0] as UserId);
      const reads = memory.reads.count;
      await until('it has tried again and again', () => memory.reads.count > reads + 3);
      expect(reader.positions).toHaveLength(outage);
      memory.goAway(false);
      await until('it is served again', () => reader.positions.length === outage + 1);
    }
    expect(reader.positions).toEqual([1, 2, 3]);
    expect(failures).toHaveLength(2);
    reader.leave();
  });
});
