import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasTitle } from '../fixtures/test-titles.ts';

const root = join(import.meta.dirname, '../..');
const docs = join(root, 'docs');
const [, section = ''] = readFileSync(join(docs, 'security.md'), 'utf8').split(/^## Bounds$/m);
const [table = ''] = section.split(/^## /m);
const COLUMNS = ['what', 'bound', 'time', 'beyond', 'where', 'test'] as const;

type Row = Record<(typeof COLUMNS)[number], string>;

const rows = table.split('\n').flatMap((line): Row[] => {
  const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
  if (cells.length !== COLUMNS.length + 2 || /^(?:-+|What)$/.test(cells[1] ?? '')) return [];
  return [Object.fromEntries(COLUMNS.map((column, index) => [column, cells[index + 1] ?? ''])) as Row];
});

/** The constants that a row names, each with its file: [`file`](../src/…) `ONE`, `OTHER`. */
const constantsOf = ({ where }: Row) =>
  [...where.matchAll(/\]\(\.\.\/([^)]+)\)((?:,? ?`\w+`)*)/g)].flatMap(([, file = '', names = '']) =>
    [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => ({ file, name })),
  );
const testsOf = ({ test }: Row) =>
  [...test.matchAll(/\]\((\.\.\/tests\/[^)]+)\)((?:,? ?“[^”]+”)+)/g)].flatMap(([, file = '', titles = '']) =>
    [...titles.matchAll(/“([^”]+)”/g)].map(([, title = '']) => ({ file, title })),
  );

/** The number that a constant or a field of `limits` has in the source; `4 * NAME_LENGTH` is looked up too. */
const valueIn = (source: string, name: string): number => {
  const [, text] = new RegExp(`\\b${name}(?: =|:) ([\\w.* ]+?) ?[;,}]`).exec(source) ?? [];
  if (text === undefined) return Number.NaN;
  return text.split('*').reduce((product, factor) => {
    const digits = factor.trim().replaceAll('_', '');
    return product * (/^[A-Z]/.test(digits) ? valueIn(source, factor.trim()) : Number(digits));
  }, 1);
};

/** How a page may write it. */
const formsOf = (name: string, value: number): string[] => {
  const number = value.toLocaleString('en');
  if (/(?:_MS|Ms)$/.test(name)) return [`${number} ms`, `${value / 1_000} s`, `${value / 60_000} min`, `${value / 86_400_000} days`];
  if (/(?:SECONDS|Seconds)$/.test(name)) return [`${number} s`, `${value / 60} min`, `${value / 3_600} h`];
  return [number, `${value / 1_024} KiB`, `${value / 1_048_576} MiB`];
};

const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file: `src/${file}`, source: readFileSync(join(root, 'src', file), 'utf8') }));

/** Constants by whose name one can tell that they bound something that a client, a server or a file decides. */
const BOUND = /^(?:export )?const ((?:MAX_|MOST_)\w+|\w*(?:BYTES|AT_ONCE|LIMIT)) = \d/gm;
const bounds = sources.flatMap(({ file, source }) => [...source.matchAll(BOUND)].map(([, name = '']) => ({ file, name })));
/** Bounds of a form of text, which docs/input.md and OpenAPI tell, and of what the service decides by itself. */
const ELSEWHERE = new Set([
  'src/cli/events.ts AT_ONCE',
  'src/cli/demo/live-through.ts AT_ONCE',
  'src/cli/program.ts MOST_USERS',
  'src/infrastructure/container/doctor/folder.ts LEAST_FREE_BYTES',
  'src/cli/users.ts AT_ONCE',
  'src/cli/over-http/events.ts AT_ONCE',
  'src/cli/over-http/users.ts AT_ONCE',
  // What the command takes of the service that runs it, its own owner's.
  'src/cli/socket/client.ts MOST_LETTERS',
  'src/domain/value-objects/invisible.ts MOST_VARIATIONS',
  'src/domain/value-objects/invisible.ts MOST_FLAGS',
  'src/domain/value-objects/language-code.ts MAX_LENGTH',
  'src/infrastructure/container/env-file.ts MOST_TOLD',
  'src/infrastructure/container/misspelt.ts MOST_TOLD',
]);

describe('the table of bounds', () => {
  it('has rows, and each says what, how much, for how long, what is answered beyond, where, and which test shows it', () => {
    expect(rows.length).toBeGreaterThan(30);
    for (const row of rows) for (const column of COLUMNS) expect(row[column], `${row.what}: ${column}`).not.toBe('');
    for (const row of rows) expect(row.where, row.what).toMatch(/\]\(\.\.\/(?:src|migrations|deploy)\//);
    for (const row of rows) expect([row.what, testsOf(row).length]).not.toEqual([row.what, 0]);
  });

  it.each(rows.flatMap((row) => constantsOf(row).map((constant) => ({ ...constant, row }))))(
    'says of $file $name what the source says',
    ({ file, name, row }) => {
      const value = valueIn(readFileSync(join(root, file), 'utf8'), name);
      expect(value, `${name} in ${file}`).not.toBeNaN();
      const told = `${row.bound} ${row.time}`;
      expect(
        formsOf(name, value).filter((form) => new RegExp(`(?<![\\d.,])${form.replace('.', '\\.')}(?![\\d.,]*\\d)`).test(told)),
        `${told}: ${value}`,
      ).not.toEqual([]);
    },
  );

  it.each(rows.flatMap(testsOf))('names in $file a test “$title”', ({ file, title }) =>
    expect(hasTitle(readFileSync(join(docs, file), 'utf8'), title)).toBe(true),
  );

  it('leaves out no bound that the source has', () => {
    const told = new Set(rows.flatMap(constantsOf).map(({ file, name }) => `${file} ${name}`));
    expect(bounds.map(({ file, name }) => `${file} ${name}`).filter((bound) => !told.has(bound) && !ELSEWHERE.has(bound))).toEqual([]);
  });

  it('would be caught with another number', () => {
    expect(valueIn('const MAX_BYTES = 16 * 1_048_576;', 'MAX_BYTES')).toBe(16_777_216);
    expect(formsOf('MAX_BYTES', 16_777_216)).toContain('16 MiB');
    expect(formsOf('PRUNE_MS', 60_000)).toContain('60 s');
  });
});
