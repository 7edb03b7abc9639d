import { describe, expect, it } from 'vitest';
import { UnusableDatabase } from '../../src/infrastructure/persistence/database/database.ts';
import { checkServer, type Server } from '../../src/infrastructure/persistence/database/postgres-session.ts';

const server: Server = { encoding: 'UTF8', version: 150_000, standby: false, schema: 'public' };
const problem = (differing: Partial<Server>, primaryOnly = false): Pick<UnusableDatabase, 'message' | 'lasting'> | null => {
  try {
    checkServer({ ...server, ...differing }, primaryOnly);
    return null;
  } catch (error) {
    if (!(error instanceof UnusableDatabase)) throw error;
    return { message: error.message, lasting: error.lasting };
  }
};

describe('a server', () => {
  it('is taken from PostgreSQL 15 on, with UTF8, and as a standby where the address does not mind', () => {
    expect([problem({}), problem({ version: 180_001 }), problem({ standby: true })]).toEqual([null, null, null]);
  });

  it.each<[Partial<Server>, RegExp, boolean]>([
    [{ version: 140_009 }, /PostgreSQL 14; 15 or later/, true],
    [{ encoding: 'EUC_JP' }, /EUC_JP/, true],
    [{ schema: null }, /search_path/, false],
    [{ standby: true }, /standby/, false],
  ])('%j is refused in words, for good where waiting does not help', (differing, message, lasting) =>
    expect(problem(differing, true)).toEqual({ message: expect.stringMatching(message), lasting }),
  );
});
