import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasTitle } from '../fixtures/test-titles.ts';

const docs = join(import.meta.dirname, '../../docs');
const text = readFileSync(join(docs, 'guarantees.md'), 'utf8');
const rows = text.split('\n').flatMap((line) => {
  const [, id, ...cells] = line
    .split(' | ')
    .join('|')
    .split('|')
    .map((cell) => cell.trim());
  return id && /^[IF]\d+$/.test(id) ? [{ id, cells: cells.join(' ') }] : [];
});

/** Each title that the page names, with the file that it is said to be in. */
const named = [...text.matchAll(/\]\((\.\.\/tests\/[^)]+)\)((?:,? ?“[^”]+”)+)/g)].flatMap(([, file = '', titles = '']) =>
  [...titles.matchAll(/“([^”]+)”/g)].map(([, title = '']) => [file, title] as const),
);

describe('the guarantees', () => {
  it('are all there, claims and faults', () =>
    expect(rows.map(({ id }) => id)).toEqual([
      ...Array.from({ length: 25 }, (_, index) => `I${index + 1}`),
      ...Array.from({ length: 45 }, (_, index) => `F${index + 1}`),
    ]));

  it.each(rows)('$id names the test that shows it, or says that none does', ({ cells }) =>
    expect(cells).toMatch(/\]\(\.\.\/tests\/|[Nn]ot shown yet|Does not apply|Checked under every fault below/),
  );

  it.each(named)('%s has a test “%s”', (file, title) => {
    expect(hasTitle(readFileSync(join(docs, file), 'utf8'), title)).toBe(true);
  });

  it('would be caught naming a test that is not there', () => expect(hasTitle("it('holds', () => {})", 'hold')).toBe(false));
});
