import { Line } from './text-rules.ts';
import { InvalidValue } from './value-object.ts';

/** A person's name; each part has at most 100 characters. */
export type Username = Readonly<{ first_name: string; last_name: string | null }>;

export const NAME_LENGTH = 100;
/** Four bytes a character, which no script exceeds: only compatibility characters grow, U+FDFA to eighteen letters. */
const NAME_BYTES = 4 * NAME_LENGTH;

export const NamePart = (text: string): string => {
  const line = Line(text, NAME_LENGTH);
  if (Buffer.byteLength(line.normalize('NFKC')) > NAME_BYTES) {
    throw new InvalidValue('too-long', `must have at most ${NAME_BYTES} bytes in UTF-8 where compatibility characters are written out`);
  }
  return line;
};

/** The parts that are given, of which null clears the last name. */
export const NameParts = (parts: { first_name?: string; last_name?: string | null }): Partial<Username> => ({
  ...(parts.first_name !== undefined && { first_name: NamePart(parts.first_name) }),
  ...(parts.last_name !== undefined && { last_name: parts.last_name === null ? null : NamePart(parts.last_name) }),
});
