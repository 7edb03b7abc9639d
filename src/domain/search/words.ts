import type { Username } from '../value-objects/username.ts';
import { fold } from './fold.ts';

/** Of a longer word its beginning is compared; an index takes no word of any length. */
const WORD_LENGTH = 64;
/** Where words part: at spaces, dashes, brackets, quotes, dots, commas. Not at symbols (`100%_sure`, `c++`), nor at apostrophes. */
export const SEPARATOR = /[^\p{L}\p{M}\p{N}\p{S}_%*\\&#@']+/gu;
const APOSTROPHE = /['`]/g;
const NO_LETTER = /[^\p{L}\p{M}\p{N}]+/u;

const short = (word: string): string => (word.length > WORD_LENGTH ? [...word].slice(0, WORD_LENGTH).join('') : word);

/**
 * The words that a name is found by: its parts between spaces written as one word, those between separators, and those
 * between all that is no letter. O'Brien-Smith is obriensmith, obrien, smith, o, brien.
 */
export const wordsOf = (username: Username | null): string[] => {
  if (username === null) return [];
  const words = fold(`${username.first_name} ${username.last_name ?? ''}`)
    .split(' ')
    .flatMap((part) => [
      part.replace(SEPARATOR, '').replace(APOSTROPHE, '') || part,
      ...part.split(SEPARATOR).map((word) => word.replace(APOSTROPHE, '')),
      ...part.split(NO_LETTER),
    ]);
  return [...new Set(words.map(short))].filter((word) => word !== '');
};

/** The words of a folded question, each of which a word of the name must begin with; none that another one begins with. */
export const wordsAsked = (folded: string): string[] => {
  const words = folded.split(SEPARATOR).map((word) => word.replace(APOSTROPHE, ''));
  const asked = words.some((word) => word !== '') ? words : folded.split(' ');
  const all = [...new Set(asked.map(short))].filter((word) => word !== '');
  return all.filter((word) => !all.some((other) => other !== word && other.startsWith(word)));
};
