import { describe, expect, it } from 'vitest';
import { UnusableDatabase } from '../../src/infrastructure/persistence/database/database.ts';
import type { SessionKind } from '../../src/infrastructure/persistence/database/postgres-address.ts';
import { checkServer, type Server, unwanted } from '../../src/infrastructure/persistence/database/postgres-session.ts';

const server: Server = {
  ...{ name: 'one', cluster: '7', timeline: 1 },
  ...{ encoding: 'UTF8', version: 150_000, standby: false, readOnly: false, schema: 'public' },
};
const problem = (differing: Partial<Server>): Pick<UnusableDatabase, 'message' | 'lasting'> | null => {
  try {
    checkServer({ ...server, ...differing }, { at: 'db:5432', user: 'app', database: 'users' });
    return null;
  } catch (error) {
    if (!(error instanceof UnusableDatabase)) throw error;
    return { message: error.message, lasting: error.lasting };
  }
};

describe('a server', () => {
  it('is taken from PostgreSQL 15 on, with UTF8', () => {
    expect([problem({}), problem({ version: 180_001 })]).toEqual([null, null]);
  });

  it.each<[Partial<Server>, RegExp, boolean]>([
    [{ version: 140_009 }, /PostgreSQL 14; 15 or later/, true],
    [{ encoding: 'EUC_JP' }, /EUC_JP/, true],
    [{ schema: null }, /search_path/, false],
  ])('%j is refused in words, for good where waiting does not help', (differing, message, lasting) =>
    expect(problem(differing)).toEqual({ message: expect.stringMatching(message), lasting }),
  );
});

describe('target_session_attrs', () => {
  const primary = server;
  const readOnly = { ...server, readOnly: true };
  const standby = { ...server, standby: true, timeline: null };

  it.each<[SessionKind, boolean[]]>([
    ['any', [true, true, true]],
    ['primary', [true, true, false]],
    ['read-write', [true, false, false]],
    ['read-only', [false, true, true]],
    ['standby', [false, false, true]],
    ['prefer-standby', [false, false, true]],
  ])('%s means for a primary, a read-only one and a standby what it means for libpq', (wanted, taken) =>
    expect([primary, readOnly, standby].map((one) => unwanted(one, wanted) === null)).toEqual(taken),
  );
});
