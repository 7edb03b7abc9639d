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
const report = (relayStatus: () => Promise<never>) =>
  healthReport({ checkReady: async () => {}, redis: null, nats: connected, broker: null, relayStatus })();

it('health waits for no free connection of the pool: what the relay does is left out then', async () => {
  vi.useFakeTimers();
  const answer = report(() => new Promise(() => {}));
  await vi.advanceTimersByTimeAsync(1_000);
  const now = await Promise.race([answer, 'nothing yet']);
  expect(now).toEqual({ checks: { store: 'ok', events: 'ok' } });
});

it('health is told although the state of the relay cannot be had', async () =>
  expect(await report(() => Promise.reject(new Error('no connection')))).toEqual({ checks: { store: 'ok', events: 'ok' } }));
