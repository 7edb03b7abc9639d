import process from 'node:process';
import { styleText } from 'node:util';

export const write = (line: string): void => void process.stdout.write(`${line}\n`);

/** A person looks on: tables and colours. In a pipe: one JSON object a line. */
export const isTerminal = (): boolean => process.stdout.isTTY === true;

export const dim = (text: string): string => styleText('dim', text);
export const good = (text: string): string => styleText('green', text);
export const bad = (text: string): string => styleText('red', text);

/** Records as an aligned table on a terminal, as JSON lines in a pipe. `columns` names the fields that a person wants to see. */
export const writeRecords = <R extends object>(records: readonly R[], columns: readonly (keyof R & string)[]): void => {
  if (!isTerminal()) {
    for (const record of records) write(JSON.stringify(record));
    return;
  }
  const cells = records.map((record) => columns.map((column) => cell(record[column])));
  const widths = columns.map((column, index) => Math.max(column.length, ...cells.map((row) => row[index]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((text, index) => text.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  write(dim(line(columns)));
  for (const row of cells) write(line(row));
};

const cell = (value: unknown): string => {
  if (value === null || value === undefined) return '-';
  // A line break of a text is not one of the table.
  return typeof value === 'object' ? JSON.stringify(value) : String(value).replace(/\p{Cc}/gu, (sign) => JSON.stringify(sign).slice(1, -1));
};
