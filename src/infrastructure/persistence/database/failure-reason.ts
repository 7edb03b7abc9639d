import { inWords, NETWORK, POSTGRESQL } from '../../failure-meanings.ts';
import { fixedText } from '../../fixed-texts.ts';
import { StoreFailure } from './database.ts';

/** Poolers refuse everything with this code, and say why in words. */
const POOLER = '08P01';

/** Why there is no connection, for the log: a code, and words that hold no value. */
export const failureReason = (error: unknown): string | undefined => {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  const meaning = POSTGRESQL[code]?.[0];
  const words = (code === POOLER ? fixedText(message) : meaning) ?? fixedText(message) ?? meaning ?? '';
  return [code, words].filter(Boolean).join(' ') || undefined;
};

/** The same of what `failureReason` has made, for people, and what to do about it. */
export const reasonInWords = (error: unknown) => {
  const said = (error instanceof StoreFailure ? error.sqlstate : failureReason(error)) ?? 'no answer';
  const [, code, words] = /^([0-9A-Z_]{5,})(?: (.*))?$/.exec(said) ?? [];
  const meaning = POSTGRESQL[code ?? ''] ?? NETWORK[code ?? ''];
  if (code === undefined || meaning === undefined)
    return { ...(code && { code }), text: said, next: 'look at its own log, and at what is between' };
  return inWords([words ?? meaning[0], meaning[1]], code);
};
