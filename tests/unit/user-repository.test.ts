import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { StoredUser } from '../../src/domain/repositories/user-repository.ts';
import { UserId } from '../../src/domain/value-objects/user-id.ts';
import { userRepository } from '../../src/infrastructure/cache/cached-user-repository.ts';
import { userCache } from '../../src/infrastructure/cache/user-cache.ts';
import type { EventStore } from '../../src/infrastructure/persistence/event-store/event-store.ts';
import { UnitOfWork } from '../../src/infrastructure/persistence/event-store/unit-of-work.ts';
import { created, userAfter } from '../fixtures/given.ts';

const ID = UserId('550e8400-e29b-41d4-a716-446655440000');
const user = userAfter(created) as StoredUser['user'];

/** A store whose reads of the past end when the test says so. */
const rig = () => {
  const reads: { name: string; end: () => void }[] = [];
  const read = <T>(name: string, value: T): Promise<T> => new Promise((resolve) => reads.push({ name, end: () => resolve(value) }));
  const store = {
    readAt: (user_id: UserId, version: number) => read(`fold of ${version}`, { user_id, version, user }),
    readStream: (_: UserId, after: number) => read(`history after ${after}`, []),
  } as unknown as EventStore;
  const cache = userCache({ load: async () => null, maxAgeMs: 0, trusted: () => true });
  return { reads, users: userRepository(store, new UnitOfWork(store), cache) };
};

describe("reads of a user's past", () => {
  it('are four at a time, replays and histories together, however many ask', async () => {
    const { reads, users } = rig();
    const asked = Array.from({ length: 10 }, (_, n) => (n % 2 ? users.findAt(ID, n) : users.history(ID, n, 50)));
    for (let ended = 0; ended < 10; ended++) {
      await turn();
      expect(reads.length).toBe(Math.min(10, ended + 4));
      reads[ended]?.end();
    }
    await Promise.all(asked);
  });

  it('of the same version are one, also for a while after it, and of a later version begin where another one ended', async () => {
    const { reads, users } = rig();
    const asked = Array.from({ length: 100 }, () => users.findAt(ID, 7));
    await turn();
    expect(reads.map(({ name }) => name)).toEqual(['fold of 7']);
    reads[0]?.end();
    expect(new Set([...(await Promise.all(asked)), await users.findAt(ID, 7)]).size).toBe(1);
    const later = users.findAt(ID, 1_200);
    for (let ended = 1; ended <= 3; ended++) {
      await turn();
      reads[ended]?.end();
    }
    await later;
    const last = users.findAt(ID, 1_001);
    await turn();
    reads[4]?.end();
    expect((await last)?.version).toBe(1_001);
    expect(reads.slice(1).map(({ name }) => name)).toEqual(['fold of 500', 'fold of 1000', 'fold of 1200', 'fold of 1001']);
  });

  it('are each its own where they are histories: who has just changed the user finds the change', async () => {
    const { reads, users } = rig();
    void users.history(ID, 0, 50);
    void users.history(ID, 0, 50);
    await turn();
    expect(reads.length).toBe(2);
  });

  it('are refused where more than a hundred wait', async () => {
    const { reads, users } = rig();
    const asked = Array.from({ length: 140 }, (_, n) =>
      users.findAt(ID, n + 1).then(
        () => 'found',
        (error) => error.code,
      ),
    );
    for (let ended = 0; ended < 132; ended++) {
      await turn();
      reads[ended]?.end();
    }
    const answers = await Promise.all(asked);
    expect([answers.filter((answer) => answer === 'found').length, answers.filter((answer) => answer === 'overloaded').length]).toEqual([
      132, 8,
    ]);
  });
});
