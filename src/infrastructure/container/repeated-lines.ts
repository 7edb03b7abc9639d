import type { LogFn } from 'pino';

const WARN = 40;
const MINUTE_MS = 60_000;
/** Lines of one text that a minute may have. */
const AT_ONCE = 10;
/** Texts that are counted at the same time; they are ours, so there are few. */
const MAX_TEXTS = 256;

/**
 * A hook for pino: one bad thing that is met a thousand times a second does not fill a disk. Of warnings and errors with the same
 * text the first ones of a minute are written, and at its end how many more there were.
 */
export const boundedLines = () => {
  const counts = new Map<string, number>();

  const begin = (text: string, more: (count: number) => void): void => {
    counts.set(text, 0);
    const end = (): void => {
      const left = (counts.get(text) ?? 0) - AT_ONCE;
      counts.delete(text);
      if (left > 0) more(left);
    };
    setTimeout(end, MINUTE_MS).unref();
  };

  return function (this: unknown, args: Parameters<LogFn>, write: LogFn, level: number): void {
    const [facts, said] = args as unknown as [unknown, string | undefined];
    const text = typeof facts === 'string' ? facts : said;
    if (level < WARN || text === undefined) return write.apply(this as never, args);
    if (!counts.has(text)) {
      if (counts.size >= MAX_TEXTS) return write.apply(this as never, args);
      begin(text, (count) => write.call(this as never, `${text} (and ${count.toLocaleString('en-US')} more in the last minute)` as never));
    }
    const count = (counts.get(text) ?? 0) + 1;
    counts.set(text, count);
    if (count <= AT_ONCE) write.apply(this as never, args);
  };
};
