import { stripVTControlCharacters } from 'node:util';
import { pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { describe, expect, it } from 'vitest';
import { prettyLine } from '../../src/infrastructure/container/pretty-line.ts';

/** What a terminal shows of a line of the log, without the time. */
const shown = (fields: object, text: string): string => {
  const lines: string[] = [];
  const place = { write: (line: string) => void lines.push(line) };
  pino({ base: null }, place).info(fields, text);
  const pretty = prettyFactory({ ignore: 'level,time', hideObject: true, messageFormat: prettyLine });
  return stripVTControlCharacters(pretty(lines.join(''))).trim();
};

describe('a line of the log on a terminal', () => {
  it('of a request has method, route, status and time, and the code of a problem', () => {
    const request = { request_id: 'x', method: 'POST', route: '/api/users', status: 201, ms: 12.3 };
    expect(shown(request, 'request')).toBe('POST /api/users 201 12 ms');
    expect(shown({ ...request, status: 409, code: 'email-taken' }, 'request')).toBe('POST /api/users 409 12 ms email-taken');
    expect(shown({ ...request, route: null, status: 404 }, 'request')).toBe('POST an unknown path 404 12 ms');
  });

  it('of a task has its command, how it ended and its id', () =>
    expect(shown({ task_id: 'task_1', command: 'change_email', outcome: 'succeeded', attempt: 1, ms: 0.4 }, 'task')).toBe(
      'task change_email succeeded 0 ms task_1',
    ));

  it('of anything else has the text, and its fields where it has any', () => {
    expect(shown({}, 'PostgreSQL is back')).toBe('PostgreSQL is back');
    expect(shown({ code: '3D000' }, 'PostgreSQL cannot be reached')).toBe('PostgreSQL cannot be reached {"code":"3D000"}');
  });
});
