import stringWidth from 'string-width';

export const GAP = '  ';
/** A column that is cut further says nothing any more. */
const LEAST = 10;
/** Signs that move the cursor, end a line or turn the direction of what follows. */
const UNSAFE = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

const graphemes = new Intl.Segmenter();

/** What a person sees of a value, on one line that can be wrapped; whatever is in it, it writes over nothing. */
export const printable = (value: unknown): string => {
  if (value === null || value === undefined) return '-';
  const text = typeof value === 'object' ? JSON.stringify(value).replaceAll(',"', ', "') : String(value);
  return text.replace(UNSAFE, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
};

/** The text in at most so many columns of a terminal; where it is cut, it ends with …, and no sign is cut in two. */
export const fitted = (text: string, width: number): string => {
  if (stringWidth(text) <= width) return text;
  let [kept, used] = ['', 0];
  for (const { segment } of graphemes.segment(text)) {
    used += stringWidth(segment);
    if (used > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
};

const padded = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - stringWidth(text)));

/** Words on lines of this width. */
const wrapped = (text: string, width: number): string[] => {
  const lines = [''];
  for (const word of text.split(' ')) {
    const longer = [lines.at(-1), word].filter(Boolean).join(' ');
    if (stringWidth(longer) <= width) lines[lines.length - 1] = longer;
    else if (lines.at(-1) === '') lines[lines.length - 1] = fitted(word, width);
    else lines.push(fitted(word, width));
  }
  return lines;
};

/** The widths that fit: the widest columns are narrowed first, and never the first one, which names the record. */
const narrowed = (natural: readonly number[], room: number): number[] => {
  let widths = [...natural];
  const sum = (): number => widths.reduce((total, width) => total + width, GAP.length * (widths.length - 1));
  for (let most = Math.max(0, ...natural.slice(1)); sum() > room && most >= LEAST; most--)
    widths = natural.map((width, index) => (index === 0 ? width : Math.min(width, most)));
  return widths;
};

/**
 * The lines of a table that is no wider than `room`; the first one is the head. Columns on the right that do not fit are
 * `left` out; the words of the last one are wrapped instead of cut.
 */
export const table = <R extends object>(
  records: readonly R[],
  wanted: readonly (keyof R & string)[],
  room: number,
): { head: string; rows: string[]; left: string[] } => {
  const columns = [...wanted];
  const cells = records.map((record) => wanted.map((column) => printable(record[column])));
  const natural = wanted.map((column, index) => Math.max(column.length, ...cells.map((row) => stringWidth(row[index] ?? ''))));
  const least = (): number =>
    columns.reduce((total, _, index) => total + Math.min(natural[index] ?? 0, index === 0 ? Number.POSITIVE_INFINITY : LEAST), 0) +
    GAP.length * (columns.length - 1);
  while (columns.length > 2 && least() > room) columns.pop();
  const widths = narrowed(natural.slice(0, columns.length), room);
  const line = (row: readonly string[]): string =>
    columns
      .map((_, index) => padded(fitted(row[index] ?? '', widths[index] ?? 0), widths[index] ?? 0))
      .join(GAP)
      .trimEnd();
  const last = columns.length - 1;
  const rows = cells.flatMap((row) =>
    wrapped(row[last] ?? '', widths[last] ?? 0).map((text, index) =>
      line(columns.map((_, column) => (column === last ? text : index === 0 ? (row[column] ?? '') : ''))),
    ),
  );
  return { head: line(columns), rows, left: wanted.slice(columns.length) };
};
