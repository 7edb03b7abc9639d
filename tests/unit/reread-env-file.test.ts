import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadEnvFile } from '../../src/infrastructure/container/env-file.ts';
import { rereadEnvFile } from '../../src/infrastructure/container/reread-env-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'lumin-reread-'));
const file = join(folder, '.env');
afterAll(() => rmSync(folder, { recursive: true }));

/** A process that was started with one text in its file, and reads another one. */
const reread = (before: string, now: string, environment: NodeJS.ProcessEnv = {}) => {
  writeFileSync(file, before);
  const inForce = { ...environment };
  loadEnvFile(inForce, file);
  writeFileSync(file, now);
  const { level, text } = rereadEnvFile('info', environment, inForce, file);
  return { level, text: text.replaceAll(file, '.env') };
};

describe('the file .env, read again while the process runs', () => {
  it.each([
    ['LOG_LEVEL=INFO', 'LOG_LEVEL=DEBUG', 'debug'],
    ['', 'LOG_LEVEL=error', 'error'],
    ['APP_DEBUG=true', 'LOG_LEVEL=warning', 'warn'],
    ['LOG_LEVEL=INFO', 'LOG_LEVEL=error\nAPP_DEBUG=true', 'debug'],
    ['LOG_LEVEL=error', '', 'info'],
  ])('%j, now %j: the log has the level %s', (before, now, level) =>
    expect(reread(before, now)).toEqual({ level, text: `.env was read again: the level of the log is ${level}, it was info` }),
  );

  it('names what else changed and needs a restart, and no value', () =>
    expect(
      reread(
        'DATABASE_URL=postgresql://u:secret@h/d\nPORT=1\nHOST=localhost',
        'DATABASE_URL=postgresql://u:other@h/d\nPORT=1\nREDIS_PASSWORD=new',
      ),
    ).toEqual({
      level: 'info',
      text: '.env was read again: the level of the log is info, it was info; changed, and needs a restart: HOST, DATABASE_URL, REDIS_PASSWORD',
    }));

  it('counts for less than the environment, which is said', () =>
    expect(reread('', 'LOG_LEVEL=debug\nPORT=2', { LOG_LEVEL: 'error', PORT: '1' })).toEqual({
      level: 'error',
      text: '.env was read again: the level of the log is error, it was info; of the environment, which counts for more and needs a restart: LOG_LEVEL',
    }));

  it.each(['LOG_LEVEL=loud-secret', 'LOG_LEVEL=debug\nDATABASE_URL=mysql://u:secret@h', 'APP_DEBUG=secret'])(
    'changes nothing where it is wrong: %j',
    (now) => {
      const { level, text } = reread('', now);
      expect(level).toBe('info');
      expect(text).toMatch(/^\.env was read again and nothing is taken from it; the level of the log stays info: [A-Z_]+ must be /);
      expect(text).not.toContain('secret');
    },
  );
});
