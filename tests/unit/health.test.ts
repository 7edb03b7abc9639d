import { afterEach, expect, it, vi } from 'vitest';
import { healthReport } from '../../src/infrastructure/container/health.ts';

// Sleeps follow the fake clock too.
vi.mock('node:timers/promises', () => ({
  setTimeout: (ms: number, value: unknown) => new Promise((resolve) => setTimeout(() => resolve(value), ms)),
}));

afterEach(() => {
  vi.useRealTimers();
});

const connected = { connection: () => ({}) } as never;
const quiet = {
  checkReady: async () => {},
  writes: () => 'ok' as const,
  redis: null,
  nats: null,
  broker: null,
  oldestDueSeconds: async () => 0,
};
const report = (relayStatus: () => Promise<any>, more = {}) => healthReport({ ...quiet, nats: connected, relayStatus, ...more })();

it('health waits for no free connection of the pool: what the relay does is left out then', async () => {
  vi.useFakeTimers();
  const answer = report(() => new Promise(() => {}));
  await vi.advanceTimersByTimeAsync(1_000);
  const now = await Promise.race([answer, 'nothing yet']);
  expect(now).toEqual({ checks: { store: 'ok', events: 'ok' } });
});

it('health is told although the state of the relay cannot be had', async () =>
  expect(await report(() => Promise.reject(new Error('no connection')))).toEqual({ checks: { store: 'ok', events: 'ok' } }));

it('health tells states and no counts: anybody may ask', async () => {
  const status = { position: 7, head: 4_711, lag: 4_704, leader: true, lagging_ms: 60_000 };
  expect(await report(() => Promise.resolve(status))).toEqual({ checks: { store: 'ok', events: 'lagging' } });
});

it('health says that the stream is ahead of the log, and that it drops what nobody has read, also where another process publishes', async () => {
  const status = { lagging_ms: 0, stream_ahead: true, drops_unread: true };
  expect(await report(() => Promise.resolve(status))).toEqual({ checks: { store: 'ok', events: 'drops-unread', relay: 'ahead-of-log' } });
});

it.each([
  ['lagging where one has waited for over 30 seconds', connected, 31, { store: 'ok', tasks: 'lagging' }],
  ['ok where none has', connected, 30, { store: 'ok', tasks: 'ok' }],
  ['lagging without NATS too', null, 31, { store: 'ok', tasks: 'lagging' }],
  ['left out without NATS where none waits', null, 0, { store: 'ok' }],
])('health of tasks is %s', async (_, broker, seconds, checks) => {
  const found = await report(() => Promise.reject(new Error()), { nats: null, broker, oldestDueSeconds: async () => seconds });
  expect(found).toEqual({ checks });
});

it.each(['read-only', 'busy'] as const)('health says that the store is %s', async (state) =>
  expect(await report(() => Promise.reject(new Error('no connection')), { writes: () => state })).toMatchObject({
    checks: { store: state },
  }),
);
