import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { type Form, output } from '../../src/cli/output.ts';

const records = [
  { id: 'a', name: 'Ann', count: 3, settings: { on: true }, hidden: 'x' },
  { id: 'long-id', name: null, count: 12, settings: undefined, hidden: 'y' },
];

const onTerminal: Form = { terminal: true, columns: 80, colour: false, json: false };
const inPipe: Form = { ...onTerminal, terminal: false };

/** What is written in this form, and to which of the two. */
const written = (form: Form, write: (to: ReturnType<typeof output>) => void): { out: string; err: string } => {
  const text = { out: '', err: '' };
  const drained = async (): Promise<void> => {};
  const into = (stream: 'out' | 'err') => (more: string) => {
    text[stream] += more;
  };
  write(output(form, { out: into('out'), err: into('err'), drained }));
  return text;
};

const tableOf = <R extends object>(rows: readonly R[], columns: readonly (keyof R & string)[], form = onTerminal): string[] =>
  written(form, (to) => to.writeRecords(rows, columns))
    .out.split('\n')
    .slice(0, -1);

describe('records', () => {
  it('are an aligned table of the wanted columns on a terminal', () =>
    expect(tableOf(records, ['id', 'name', 'count', 'settings'])).toEqual([
      'id       name  count  settings',
      'a        Ann   3      {"on":true}',
      'long-id  -     12     -',
    ]));

  it('are a header alone where there are none', () => expect(tableOf<(typeof records)[number]>([], ['id', 'name'])).toEqual(['id  name']));

  it('are one JSON object a line, whole, in a pipe', () =>
    expect(tableOf(records, ['id'], inPipe).map((line) => JSON.parse(line))).toEqual([
      records[0],
      { id: 'long-id', name: null, count: 12, hidden: 'y' },
    ]));

  it('are nothing at all in a pipe where there are none', () => expect(tableOf<(typeof records)[number]>([], ['id'], inPipe)).toEqual([]));

  it.each(['\u001b[2J\r\nforged', 'a\u009b2Jb', 'a\u202eb\u2066c', 'a\u2028b', '\u0007'])(
    'cannot move the cursor, write over other lines or turn their direction: %j',
    (name) => {
      const [head, row, ...more] = tableOf([{ id: '1', name }], ['id', 'name']);
      expect([head, more]).toEqual(['id  name', []]);
      expect(row).toMatch(/^1 {3}[\x20-\x7e]+$/);
    },
  );

  it('are in colours only where they are wanted', () => {
    const isColoured = (colour: boolean): boolean =>
      written({ ...onTerminal, colour }, (to) => {
        to.writeRecords(records, ['id']);
        to.write(to.paint.good('good') + to.paint.bad('bad') + to.paint.dim('dim'));
      }).out.includes('\u001b');
    expect([isColoured(true), isColoured(false)]).toEqual([true, false]);
  });
});

describe('a table', () => {
  const id = '550e8400-e29b-41d4-a716-446655440000';
  const wide = [
    {
      id,
      status: 'inactive',
      name: '田中さくら田中さくら',
      email: 'sakura.tanaka@example.com',
      phone: '+12025550100',
      created_at: '2026-11-24T05:00:00.000Z',
    },
    {
      id,
      status: 'active',
      name: '👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦 Zoë',
      email: 'z@example.com',
      phone: null,
      created_at: '2026-11-24T05:00:00.000Z',
    },
    { id, status: 'active', name: 'ก็ก็ก็ก็ก็ก็ก็ก็ก็ก็ก็ก็ก็', email: 'é'.repeat(60), phone: '-', created_at: '2026-11-24T05:00:00.000Z' },
  ];
  const columns = ['id', 'status', 'name', 'email', 'phone', 'created_at'] as const;

  it.each([80, 100, 133])('is no wider than a terminal of %i columns, whatever signs are in it', (room) => {
    const lines = tableOf(wide, columns, { ...onTerminal, columns: room });
    expect(Math.max(...lines.map((line) => stringWidth(line)))).toBeLessThanOrEqual(room);
    for (const line of lines.slice(1, 4)) expect(line).toContain(id);
  });

  it('keeps its columns below each other where signs are wide', () => {
    const [first, second] = tableOf(wide, ['status', 'name', 'phone']).slice(1);
    const widthBefore = (line = '', sign: string): number => stringWidth(line.slice(0, line.lastIndexOf(sign)));
    expect(widthBefore(first, '+1202')).toBe(widthBefore(second, '-'));
  });

  it('says which columns have no room', () =>
    expect(tableOf(wide, columns).at(-1)).toBe('(phone, created_at: in a wider terminal, or with --json)'));

  it('cuts no sign in two, and shows where it has cut', () => {
    const text = tableOf(wide, columns).join('\n');
    expect(text).toContain('…');
    expect(text.replaceAll('👩‍👩‍👧‍👦', '')).not.toMatch(/[\u200d\ufffd👩👧👦]/u);
  });

  it('wraps the words of its last column instead of cutting them', () => {
    const mend = 'start the server, or correct the address of the database that stands in DATABASE_URL';
    const lines = tableOf([{ check: 'the database', mend }], ['check', 'mend'], { ...onTerminal, columns: 50 });
    expect(
      lines
        .slice(1)
        .map((line) => line.slice(14))
        .join(' '),
    ).toBe(mend);
    expect(lines.every((line) => line.length <= 50)).toBe(true);
  });
});

describe('progress', () => {
  it('is written over on a terminal, by what comes next', () =>
    expect(
      written(onTerminal, (to) => {
        to.progress('1 of 2');
        to.progress('2 of 2');
        to.write('done');
      }).out,
    ).toBe('1 of 2\r\u001b[K2 of 2\r\u001b[Kdone\n'));

  it('is not told in a pipe', () => expect(written(inPipe, (to) => to.progress('1 of 2'))).toEqual({ out: '', err: '' }));

  it('does not run into an error', () =>
    expect(
      written(onTerminal, (to) => {
        to.progress('1 of 2');
        to.error('lumin: no');
      }),
    ).toEqual({ out: '1 of 2\r\u001b[K', err: 'lumin: no\n' }));
});
