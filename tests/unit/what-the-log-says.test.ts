import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Meanings, NATS, NETWORK, POSTGRESQL, REDIS } from '../../src/infrastructure/failure-meanings.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const [, page = ''] = /^## What the log says$([\s\S]*?)^## /m.exec(read('docs/operations.md')) ?? [];

/** The rows below the heading of a table, without its head. */
const tableAfter = (text: string, heading: string): string[] => {
  const [, after = ''] = text.split(`${heading}\n`);
  const lines = after.split('\n');
  const first = lines.findIndex((line) => line.startsWith('|---'));
  const rows = lines.slice(first + 1);
  return rows.slice(
    0,
    rows.findIndex((line) => !line.startsWith('|')),
  );
};

describe('the page on what the log says', () => {
  it.each<[string, Meanings]>([
    ['### Of PostgreSQL', POSTGRESQL],
    ['### Of Redis', REDIS],
    ['### Of NATS', NATS],
    ['### Of the way there', NETWORK],
  ])('%s: has a row for each code, with the words that the log has', (heading, meanings) =>
    expect(tableAfter(page, heading)).toEqual(
      Object.entries(meanings).map(([code, [means, next]]) => `| \`${code}\` | ${means} | ${next} |`),
    ),
  );

  it('has each message as the source has it', () => {
    const files = readdirSync(new URL('../../src', import.meta.url), { recursive: true, encoding: 'utf8' });
    const source = files.flatMap((path) => (path.endsWith('.ts') ? [read(`src/${path}`)] : [])).join('\n');
    const parts = ['### What fails and goes on', '### What is said once'].flatMap((heading) =>
      tableAfter(page, heading).flatMap((row) => {
        const cells = row.split('|').slice(1, heading.endsWith('once') ? 2 : -2);
        return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].flatMap(([, text = '']) => text.split(/ ?… ?/)));
      }),
    );
    expect(parts.length).toBeGreaterThan(30);
    expect(parts.filter((part) => !source.includes(part))).toEqual([]);
  });
});

it('the page of LuminRelayLagging has each reason that the relay gives, as it gives it', () => {
  const [, reasons = ''] = /const inWords = ([\s\S]*?)\n};/.exec(read('src/infrastructure/messaging/outbox-relay.ts')) ?? [];
  const said = [...reasons.matchAll(/return (?:'([^']+)'|`([^`$]+))/g)].map(([, whole, beginning]) => whole ?? beginning ?? '');
  const rows = tableAfter(read('docs/operations.md'), '### Lumin relay lagging').map((row) => row.split('|')[1] ?? '');
  expect(said.length).toBeGreaterThan(7);
  expect(said.filter((text) => !rows.some((row) => row.includes(text.split('; ')[0] as string)))).toEqual([]);
});
