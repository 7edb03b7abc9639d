import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { readConfig } from '../../src/infrastructure/container/config.ts';
import { loggerOptions } from '../../src/infrastructure/container/logger.ts';

let lines: string[];
const log = () => pino(loggerOptions(readConfig({})), { write: (line: string) => lines.push(JSON.parse(line).msg) });

beforeEach(() => {
  lines = [];
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('a bug that a thousand requests meet is told ten times a minute, and how often beside', () => {
  const requests = log();
  for (let minute = 0; minute < 2; minute++) {
    for (let request = 0; request < 1_399; request++) {
      requests.child({ request_id: request }).error({ err: new TypeError() }, 'a request failed because of a bug');
    }
    vi.advanceTimersByTime(60_000);
  }
  const bug = 'a request failed because of a bug';
  const minute = [...Array(10).fill(bug), `${bug} (and 1,389 more in the last minute)`];
  expect(lines).toEqual([...minute, ...minute]);
});

it('lines of other texts are told beside it, and those of requests always', () => {
  const requests = log();
  for (let request = 0; request < 50; request++) {
    requests.warn('overflowing');
    requests.info({ route: '/' }, 'request');
  }
  requests.warn('another');
  expect(lines.filter((line) => line === 'request')).toHaveLength(50);
  expect(lines.filter((line) => line === 'overflowing')).toHaveLength(10);
  expect(lines.at(-1)).toBe('another');
});
