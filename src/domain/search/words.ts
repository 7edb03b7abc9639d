import type { Username } from '../value-objects/username.ts';
import { fold } from './fold.ts';

/** A search compares the beginning of a longer word: an index does not take a word of any length. */
const WORD_LENGTH = 64;
/** A name with more words, which earlier releases took, is found by the first ones: no name makes others wait for its words. */
const WORDS = 64;
/** A question with more words is asked with the longest ones. */
const WORDS_ASKED = 16;
/** Where words part: at spaces, dashes, brackets, quotes, dots, commas. Not at symbols (`100%_sure`, `c++`), nor at apostrophes. */
export const SEPARATOR = /[^\p{L}\p{M}\p{N}\p{S}_%*\\&#@']+/gu;
const APOSTROPHE = /['`]/g;
const NO_LETTER = /[^\p{L}\p{M}\p{N}]+/u;
const LETTER_FIRST = /^[\p{L}\p{M}\p{N}]/u;

/** Letters that an orthography borrows, as in Çеспĕл, Сослæн and Taεrabt, under the one of its own alphabet. */
const CYRILLIC: Record<string, string> = { a: 'а', c: 'с', e: 'е', o: 'о', p: 'р', x: 'х', y: 'у' };
const LATIN: Record<string, string> = { ε: 'e', γ: 'g' };

const inOneAlphabet = (word: string): string => {
  if (/\p{Script=Cyrillic}/u.test(word)) return word.replace(/[aceopxy]/g, (letter) => CYRILLIC[letter] ?? letter);
  return /[a-z]/.test(word) ? word.replace(/[εγ]/g, (letter) => LATIN[letter] ?? letter) : word;
};

const short = (word: string): string => (word.length > WORD_LENGTH ? [...word].slice(0, WORD_LENGTH).join('') : word);

const distinct = (words: string[]): string[] => [...new Set(words.map(short))].filter((word) => word !== '');

/**
 * The words that a name is found by: its parts between spaces written as one word, those between separators, and those
 * between all that is no letter. O'Brien-Smith is obriensmith, obrien, smith, o, brien.
 */
export const wordsOf = (username: Username | null): string[] => {
  if (username === null) return [];
  const words = fold(`${username.first_name} ${username.last_name ?? ''}`)
    .split(' ')
    .flatMap((part) => [
      // One that begins with something else is also found by that.
      LETTER_FIRST.test(part) ? '' : part,
      part.replace(SEPARATOR, '').replace(APOSTROPHE, ''),
      ...part.split(SEPARATOR).map((word) => word.replace(APOSTROPHE, '')),
      ...part.split(NO_LETTER),
    ]);
  // The beginning of a word may be all borrowed.
  return distinct([...words, ...words.map(inOneAlphabet)]).slice(0, WORDS);
};

/**
 * The words of a folded question, with each of which a word of the name must begin: none that another one begins with, and
 * the longest, which fewest names have, first.
 */
export const wordsAsked = (folded: string): string[] => {
  const words = distinct(folded.split(SEPARATOR).map((word) => word.replace(APOSTROPHE, '')));
  const asked = distinct((words.length > 0 ? words : folded.split(' ')).map(inOneAlphabet));
  return asked
    .filter((word) => !asked.some((other) => other !== word && other.startsWith(word)))
    .sort((one, other) => other.length - one.length)
    .slice(0, WORDS_ASKED);
};
