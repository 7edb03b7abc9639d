import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Problem } from '../../src/domain/problem.ts';
import { troubles } from '../../src/infrastructure/container/troubles.ts';
import { type Database, StoreFailure, UnusableDatabase } from '../../src/infrastructure/persistence/database/database.ts';
import { toldDatabase } from '../../src/infrastructure/persistence/database/told-database.ts';
import type { Place } from '../../src/infrastructure/place.ts';
import { told } from '../fixtures/told.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const place: Place = { kind: 'PostgreSQL', at: 'db:5432', user: 'app', database: 'users', setting: 'DATABASE_URL in .env' };

/** A database that fails statements and pings with these errors, and the process around it. */
const world = () => {
  const { lines, fields, log } = told();
  const fails: { query: Error | null; ping: Error | null } = { query: null, ping: null };
  const asked = async (error: Error | null): Promise<never[]> => (error === null ? [] : Promise.reject(error));
  const raw = {
    exclusive: false,
    place,
    query: () => asked(fails.query),
    ping: () => asked(fails.ping).then(() => true),
  } as unknown as Database;
  const database = toldDatabase(raw, log);
  const { troubleWith, unserved } = troubles(log, place);
  const feed = troubleWith('following the log', { server: { ...place, kind: 'NATS', at: 'queue:4222', setting: 'NATS_URL in .env' } });
  /** Requests and background work, ten times a second. */
  const work = async (seconds: number): Promise<void> => {
    for (let step = 0; step < seconds * 10; step++) {
      const error = await database.query('select').then(
        () => null,
        (error) => error,
      );
      if (error) {
        feed.report(error);
        unserved(new Problem('store-unavailable', {}, { cause: error }));
      }
      await vi.advanceTimersByTimeAsync(100);
    }
  };
  return { lines, fields, fails, work, database, feed, unserved };
};

describe('a process without PostgreSQL', () => {
  it('writes a line at first, one a minute, and one at the end, however much it has to do', async () => {
    const { lines, fails, work } = world();
    await work(1);
    fails.query = fails.ping = new StoreFailure('unsent', 'ECONNREFUSED');
    await work(100);
    fails.query = fails.ping = null;
    await work(5);
    const why = 'nothing listens on db:5432 (DATABASE_URL in .env): start the server, or correct host and port';
    expect(lines).toEqual([
      `PostgreSQL cannot be reached: ${why}`,
      `PostgreSQL still cannot be reached, for 1 minute now: ${why}`,
      expect.stringMatching(/^PostgreSQL is back after 1 min 4\d s$/),
    ]);
  });

  it('says when the reason becomes another one', async () => {
    const { lines, fields, fails, work } = world();
    for (const code of ['ECONNREFUSED', '57P03', '28P01']) {
      fails.query = fails.ping = new StoreFailure('unsent', code);
      await work(1);
    }
    expect(fields.map((its) => (its as { code?: string }).code)).toEqual(['ECONNREFUSED', '57P03', '28P01']);
    expect(new Set(lines).size).toBe(3);
  });

  it('says nothing of a connection that was cut, or of a second in which it does not answer', async () => {
    const { lines, fails, work } = world();
    fails.query = new StoreFailure('unknown');
    await work(1);
    fails.ping = new StoreFailure('unsent', 'timeout expired');
    await work(1);
    fails.query = fails.ping = null;
    await work(5);
    expect(lines).toEqual([]);
  });

  it('says so where it answers and gives no connection to statements', async () => {
    const { lines, fails, work } = world();
    fails.query = new StoreFailure('unsent', '53300');
    await work(5);
    expect(lines).toEqual([
      expect.stringContaining('PostgreSQL cannot be reached: db:5432 has too many connections (DATABASE_URL in .env): '),
    ]);
  });

  it('says what is to be mended where the server cannot be worked on', async () => {
    const { lines, fails, database } = world();
    fails.ping = new UnusableDatabase('the database has the encoding LATIN1', 'make another one');
    await expect(database.ping()).rejects.toThrow();
    expect(lines).toEqual(['PostgreSQL cannot be used: the database has the encoding LATIN1 (DATABASE_URL in .env): make another one']);
  });
});

describe('what goes wrong again and again', () => {
  it('because the database takes no changes is told by who asks whether it does, and by nobody else', () => {
    const { lines, feed, unserved } = world();
    const readOnly = new StoreFailure('rolled-back', '25006');
    feed.report(readOnly);
    unserved(new Problem('store-read-only', {}, { cause: readOnly }));
    expect(lines).toEqual([]);
  });

  it('in the background is told once, with what a developer needs', async () => {
    const { lines, fields, feed } = world();
    const bug = new TypeError('secret');
    for (let round = 0; round < 100; round++) feed.report(bug);
    expect(lines).toEqual(['following the log fails and is tried again: TypeError']);
    expect(fields).toEqual([{ code: 'TypeError', err: bug }]);
  });

  it.each([
    [
      'JetStream not enabled for account',
      'JetStreamNotEnabled',
      'queue:4222 has no JetStream, or this account has none (NATS_URL in .env): ',
    ],
    ['insufficient storage resources available', 'JetStreamApiError', 'queue:4222 has no room for the stream (NATS_URL in .env): '],
    ['maximum bytes exceeded', 'JetStreamApiError', 'the stream is full (NATS_URL in .env): '],
  ])('that NATS says %s is told in words, and without a stack', async (message, name, words) => {
    const { lines, fields, feed } = world();
    feed.report(Object.assign(new Error(message), { name }));
    expect(lines).toEqual([expect.stringContaining(words)]);
    expect(fields).toEqual([{ code: expect.any(String) }]);
  });

  it('by a NATS that starts its JetStream a moment after it is reached is not told', async () => {
    const { lines, feed } = world();
    const early = new Error('jetstream is not enabled');
    feed.report(early);
    await vi.advanceTimersByTimeAsync(2_000);
    feed.report(early);
    expect(lines).toEqual([]);
    await vi.advanceTimersByTimeAsync(2_000);
    feed.report(early);
    expect(lines).toEqual([expect.stringContaining('queue:4222 has no JetStream, or this account has none (NATS_URL in .env): ')]);
  });

  it('as a refusal of requests is told once, and when it has ended', async () => {
    const { lines, unserved } = world();
    for (let request = 0; request < 1_000; request++) unserved(new Problem('overloaded'));
    const held = new StoreFailure('rolled-back', '55P03');
    unserved(new Problem('store-busy', {}, { cause: held }));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(lines).toEqual([
      expect.stringMatching(/^requests cannot be served: .+; docs\/problems\.md says more of overloaded$/),
      expect.stringMatching(/^requests cannot be served: .+, because a lock was not given in time \(DATABASE_URL in \.env\): /),
      expect.stringMatching(/^requests are served again after /),
    ]);
  });
});
