import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { InvalidConfig } from '../../src/infrastructure/container/config.ts';
import { loadEnvFile } from '../../src/infrastructure/container/env-file.ts';

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
    expect(load(`# PORT: 1\n\n  export PORT = 1 # one\nA='x\ny: z'\nB="unclosed\nC=`, { PORT: '2' })).toEqual({
      env: { PORT: '2', A: 'x\ny: z', B: '"unclosed', C: '' },
      told: [],
    }));

  it.each([
    ['PORT: 8000', '1'],
    ['A=1\nset PORT=8000\nB="x\ny"\nPORT', '2, 5'],
    ['$env:PORT = "8000"', '1'],
    ['=x', '1'],
    ['a\nb\nc\nd\ne\nf', '1, 2, 3, 4, 5 and more'],
    [Buffer.from('A=1\nREDIS_PASSWORD=pa\xdfwort', 'latin1'), '2'],
    [Buffer.from('A=1\nB=2', 'utf16le'), '1, 2'],
  ])('tells of a line that is no setting, by its number and not by what it says', (content, lines) =>
    expect(load(content).told).toEqual([`.env, line ${lines}: not a setting of the form NAME=value in UTF-8; it is ignored`]),
  );

  it('is not needed, and must be a file that can be read', () => {
    expect(loadEnvFile({}, join(folder, 'none'))).toEqual([]);
    expect(() => loadEnvFile({}, folder)).toThrow(InvalidConfig);
  });
});
