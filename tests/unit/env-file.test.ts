import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { InvalidConfig } from '../../src/infrastructure/container/config.ts';
import { loadEnvFile } from '../../src/infrastructure/container/env-file.ts';
import { COMPOSE } from '../../src/infrastructure/container/misspelt.ts';

const folder = mkdtempSync(join(tmpdir(), 'lumin-env-'));
afterAll(() => rmSync(folder, { recursive: true }));

const load = (content: string | Buffer, env: NodeJS.ProcessEnv = {}): { env: NodeJS.ProcessEnv; told: string[] } => {
  const file = join(folder, 'file.env');
  writeFileSync(file, content);
  const told = loadEnvFile(env, file).map((line) => line.replace(file, '.env'));
  return { env, told };
};
const swapped = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

const TEXT = 'DATABASE_URL=postgresql://u:p@h/d\r\nREDIS_PASSWORD="ключ"\r\n';
const VALUES = { DATABASE_URL: 'postgresql://u:p@h/d', REDIS_PASSWORD: 'ключ' };

describe('the file .env', () => {
  it.each([
    ['UTF-8', Buffer.from(TEXT)],
    ['UTF-8 with a byte-order mark', Buffer.from(`\ufeff${TEXT}`)],
    ['UTF-16, little-endian', Buffer.from(`\ufeff${TEXT}`, 'utf16le')],
    ['UTF-16, big-endian', swapped(`\ufeff${TEXT}`)],
    ['lines that end with a carriage return only', Buffer.from(TEXT.replaceAll('\r\n', '\r'))],
  ])('is read as %s', (_, content) => expect(load(content)).toEqual({ env: VALUES, told: [] }));

  it('does not change what is set, and says nothing of comments, blank lines, quotes over several lines and export', () =>
    expect(load(`# PORT: 1\n\n  export PORT = 1 # one\nTEST_A='x\ny: z'\nTEST_B="unclosed\nTEST_C=`, { PORT: '2' })).toEqual({
      env: { PORT: '2', TEST_A: 'x\ny: z', TEST_B: '"unclosed', TEST_C: '' },
      told: [],
    }));

  it.each([
    ['PORT: 8000', '1'],
    ['TEST_A=1\nset PORT=8000\nTEST_B="x\ny"\nPORT', '2, 5'],
    ['$env:PORT = "8000"', '1'],
    ['=x', '1'],
    ['a\nb\nc\nd\ne\nf', '1, 2, 3, 4, 5 and more'],
    [Buffer.from('TEST_A=1\nREDIS_PASSWORD=pa\xdfwort', 'latin1'), '2'],
    [Buffer.from('TEST_A=1\nTEST_B=2', 'utf16le'), '1, 2'],
  ])('tells of a line that is no setting, by its number and not by what it says', (content, lines) =>
    expect(load(content).told).toEqual([`.env, line ${lines}: not a setting of the form NAME=value in UTF-8; it is ignored`]),
  );

  it('tells of a variable that nobody reads, which is perhaps nearly one of ours, and never of a value', () =>
    expect(
      load('DATABSE_URL=postgresql://u:secret@h/d\nlog_level=debug\nTASKIQ_BROKER=x\nTIMEOUT=1\nMIIsecret=\n', { REDIS_URI: 'x' }).told,
    ).toEqual([
      'DATABSE_URL in .env is not read; is DATABASE_URL meant?',
      'log_level in .env is not read; is LOG_LEVEL meant?',
      'REDIS_URI in the environment is not read; is REDIS_URL meant?',
      'TASKIQ_BROKER, TIMEOUT in .env: no variable of the service; npm run lumin -- config lists those that are',
    ]));

  it('tells of a handful where many are not read', () => {
    const many = Array.from({ length: 300 }, (_, number) => `OTHER_${number}=1\n`).join('');
    expect(load(many).told).toEqual([expect.stringMatching(/^OTHER_0, (?:OTHER_\d+, ){3}OTHER_\d+ and 295 more in \.env: /)]);
  });

  it('says nothing of what is set in the environment for others, nor of what Compose reads in the file', () => {
    const read = ['docker-compose.yml', 'docker-compose.production.yml'].flatMap((file) => [
      ...readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8').matchAll(/(?<!\$)\$\{(\w+)/g),
    ]);
    const names = read.map(([, name = '']) => name);
    expect(names.length).toBeGreaterThan(30);
    expect(
      load(names.map((name) => `${name}=x`).join('\n'), { HOME: '/root', HOSTNAME: 'x', NATS_PORT: 'x', REDIS_PORT: 'x' }).told,
    ).toEqual([]);
    expect(COMPOSE.filter((name) => !names.includes(name))).toEqual([]);
  });

  it('is not needed, and must be a file that can be read', () => {
    expect(loadEnvFile({}, join(folder, 'none'))).toEqual([]);
    expect(() => loadEnvFile({}, folder)).toThrow(InvalidConfig);
  });
});
