import { fixedText } from '../../fixed-texts.ts';

const MEANINGS: Record<string, string> = {
  '22023': 'the server does not take the value of a setting in options or search_path',
  '28000': 'the server does not let this user in from here, or not without TLS',
  '28P01': 'the password is wrong',
  '3D000': 'there is no such database',
  '42501': 'this user may not do that',
  '42704': 'the server does not know a setting in options',
  '53300': 'the server has too many connections',
  '57P03': 'the server is starting or stopping',
};

/** Why there is no connection, for the log: a code, and words that hold no value. */
export const failureReason = (error: unknown): string | undefined => {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  const words = MEANINGS[code] ?? fixedText(message) ?? '';
  return [code, words].filter(Boolean).join(' ') || undefined;
};
