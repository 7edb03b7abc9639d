import { styleText } from 'node:util';
import type { CliContext } from './context.ts';
import { table } from './table.ts';

/** What the command line and the terminal say about the form of the output. */
export type Form = { terminal: boolean; columns: number; colour: boolean; json: boolean };

/** Where the output goes. */
export type Sink = { out(text: string): void; err(text: string): void; drained(): Promise<void> };

type Output = Pick<CliContext, 'write' | 'writeRecords' | 'error' | 'progress' | 'drained' | 'paint' | 'terminal' | 'columns' | 'json'>;

const ERASE_LINE = '\r\u001b[K';

export const output = ({ terminal, columns, colour, json }: Form, { out, err, drained }: Sink): Output => {
  let unfinished = false;
  const over = (): string => {
    const erased = unfinished ? ERASE_LINE : '';
    unfinished = false;
    return erased;
  };
  const write = (line: string): void => out(`${over()}${line}\n`);
  const painted =
    (style: 'dim' | 'green' | 'red') =>
    (text: string): string =>
      colour && text !== '' ? styleText(style, text, { validateStream: false }) : text;
  const paint = { dim: painted('dim'), good: painted('green'), bad: painted('red') };
  return {
    terminal,
    columns,
    json,
    paint,
    write,
    drained,
    error: (line) => {
      if (unfinished) out(over());
      err(`${line}\n`);
    },
    progress: (line) => {
      if (terminal) out(`${over()}${line}`);
      unfinished = terminal;
    },
    writeRecords: (records, wanted) => {
      if (!terminal) {
        for (const record of records) write(JSON.stringify(record));
        return;
      }
      const { head, rows, left } = table(records, wanted, columns);
      write(paint.dim(head));
      for (const row of rows) write(row);
      if (left.length > 0) write(paint.dim(`(${left.join(', ')}: in a wider terminal, or with --json)`));
    },
  };
};
