import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { OwnError } from '../../src/domain/own-error.ts';
import { Problem } from '../../src/domain/problem.ts';
import { readConfig } from '../../src/infrastructure/container/config.ts';
import { loggerOptions } from '../../src/infrastructure/container/logger.ts';
import { StoreFailure, UnusableDatabase } from '../../src/infrastructure/persistence/database/database.ts';

/** What the log keeps of an error. */
const logged = (err: unknown): any => {
  const lines: string[] = [];
  pino(loggerOptions(readConfig({})), { write: (line: string) => lines.push(line) }).warn({ err }, 'it failed');
  return JSON.parse(lines.join('')).err;
};

describe('the log', () => {
  it('keeps the text of our own errors, and of what caused them', () => {
    const error = new Problem('store-unavailable', { detail: 'the schema is another one' }, { cause: new OwnError('no worker lived') });
    expect(logged(error)).toMatchObject({
      code: 'store-unavailable',
      reason: 'the schema is another one',
      cause: { reason: 'no worker lived' },
    });
    expect(logged(new Problem('overloaded')).reason).toBe('The service is busy');
    expect(logged(new UnusableDatabase('db:5432 is PostgreSQL 14', '15 or later is needed')).reason).toBe(
      'db:5432 is PostgreSQL 14; 15 or later is needed',
    );
    expect(logged(new StoreFailure('refused', '23505', 'users_email_key'))).toEqual({
      type: 'StoreFailure',
      message: 'refused (23505)',
      constraint: 'users_email_key',
    });
  });

  it('keeps of what others say only what can be no value, where one of ours holds it too', () => {
    const foreign = Object.assign(new Error('Key (email)=(john@example.com) already exists.'), {
      code: '23505',
      detail: 'john@example.com',
    });
    const syntax = new SyntaxError('Unexpected token J, "John" is not valid JSON');
    for (const error of [
      foreign,
      syntax,
      new Problem('internal-error', {}, { cause: foreign }),
      new OwnError('it failed', { cause: syntax }),
    ])
      expect(JSON.stringify(logged(error))).not.toMatch(/john/i);
    expect(logged(foreign)).toMatchObject({ type: 'Error', code: '23505' });
    expect(logged(new Error('timeout expired after john')).reason).toBe('timeout expired');
  });
});
