import { OwnError } from '../../../domain/own-error.ts';

/**
 * Personal data at rest: one byte that names the scheme, then the data. Scheme 0 is JSON in UTF-8. What a later scheme
 * encrypts with a key that is gone reads as `undefined`, and everything that folds events works without it.
 */
const JSON_SCHEME = 0;

/** The stored form in base64, as it travels inside a batch; null for nothing to keep. */
export const sealPersonal = (value: unknown): string =>
  Buffer.concat([Buffer.of(JSON_SCHEME), Buffer.from(JSON.stringify(value))]).toString('base64');

/** @throws Unreadable */
export const openPersonal = (bytes: Uint8Array | null): object | undefined => {
  if (bytes === null || bytes[0] !== JSON_SCHEME) return undefined;
  const value = parsed(Buffer.from(bytes.subarray(1)).toString('utf8'));
  if (typeof value !== 'object' || value === null) throw new Unreadable('a personal part in the database is not what was written there');
  return value;
};

export class Unreadable extends OwnError {}

/** The parser's own message would quote what it read. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
