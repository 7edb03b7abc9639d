import { fold } from './fold.ts';
import { searchForm } from './search-terms.ts';
import { SEPARATOR, wordsAsked } from './words.ts';

/** What a question may mean, all at once: a user is found by any of these. */
export type SearchQuery = Readonly<{
  /** Each of them begins a word of the name. */
  words: string[];
  /** The beginning of an email address. */
  email: string;
  /** The beginning of a phone number, with +. */
  phone: string | null;
  /** The first and the last user id that begin so. */
  ids: readonly [string, string] | null;
  /** The beginning of a name in the form in which earlier releases stored it. */
  term: string;
}>;

/** One character of these scripts may be a name. */
const WHOLE_NAME = /^[\p{Script=Han}\p{Script=Hangul}]$/u;
const NUMBER = /^(?:\+|00)?([1-9]\d*)$/;
const ID = /^[0-9a-f]{8,32}$/;

/** Null where less is left than two characters that could be searched for. */
export const searchQuery = (q: string): SearchQuery | null => {
  const text = fold(q);
  if (([...text].length < 2 && !WHOLE_NAME.test(text)) || text.includes('\0')) return null;
  // As people write numbers; the 0 in brackets is for calls from within the country.
  const [, number] = NUMBER.exec(text.replace('(0)', '').replace(SEPARATOR, '')) ?? [];
  const [id] = ID.exec(text.replace(SEPARATOR, '')) ?? [];
  return {
    words: wordsAsked(text),
    email: text,
    phone: number === undefined ? null : `+${number}`,
    ids: id === undefined ? null : [id.padEnd(32, '0'), id.padEnd(32, 'f')],
    term: searchForm(q),
  };
};
