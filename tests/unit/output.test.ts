import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isTerminal, writeRecords } from '../../src/cli/output.ts';

const records = [
  { id: 'a', name: 'Ann', count: 3, settings: { on: true }, hidden: 'x' },
  { id: 'long-id', name: null, count: 12, settings: undefined, hidden: 'y' },
];
let written = '';

const onTerminal = (value: boolean | undefined): void => void Object.defineProperty(process.stdout, 'isTTY', { value, configurable: true });
const before = process.stdout.isTTY;

beforeEach(() => {
  written = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  onTerminal(before);
});

describe('records', () => {
  it('are an aligned table of the wanted columns on a terminal', () => {
    onTerminal(true);
    writeRecords(records, ['id', 'name', 'count', 'settings']);
    expect(stripVTControlCharacters(written).split('\n')).toEqual([
      'id       name  count  settings',
      'a        Ann   3      {"on":true}',
      'long-id  -     12     -',
      '',
    ]);
  });

  it('are a header alone where there are none', () => {
    onTerminal(true);
    writeRecords<(typeof records)[number]>([], ['id', 'name']);
    expect(stripVTControlCharacters(written)).toBe('id  name\n');
  });

  it.each([false, undefined])('are one JSON object a line, whole, in a pipe (isTTY %s)', (value) => {
    onTerminal(value);
    expect(isTerminal()).toBe(false);
    writeRecords(records, ['id']);
    expect(
      written
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([records[0], { id: 'long-id', name: null, count: 12, hidden: 'y' }]);
  });

  it('are nothing at all in a pipe where there are none', () => {
    onTerminal(false);
    writeRecords<(typeof records)[number]>([], ['id']);
    expect(written).toBe('');
  });

  it('cannot move the cursor or write over other lines of a terminal', () => {
    onTerminal(true);
    writeRecords([{ id: '\u001b[2J\r\nforged' }], ['id']);
    expect(written.replace(/\u001b\[\d+m/g, '')).toBe('id\n\\u001b[2J\\r\\nforged\n');
  });
});
