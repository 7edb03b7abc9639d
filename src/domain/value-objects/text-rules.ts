import { ALPHABET, mixesAlphabets, ofScripts, seemsAlphabetic } from './alphabets.ts';
import { hidesInVariations, hidesText, INVISIBLE, withoutSpelling } from './invisible.ts';
import { InvalidValue } from './value-object.ts';

// Control, surrogate, private-use and unassigned characters, line and paragraph separators.
const NEVER_IN_LINE = /[\p{Cc}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;
const NEVER_IN_PROSE = /(?![\n\r\t])[\p{Cc}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;
// Embeddings, overrides and isolates turn what a reader sees around (Unicode UAX #9, "Trojan Source").
const BIDI = /[\u202A-\u202E\u2066-\u2069]/u;
// NFC makes one form of what looks the same, with one exception: a compatibility ideograph is a form of its own that
// families choose (U+FA19 for U+795E in Japan), and NFC would write another.
const NOT_COMPATIBILITY_IDEOGRAPHS = /[^\uF900-\uFAFF\u{2F800}-\u{2FA1F}]+/gu;

const composed = (text: string): string => text.replace(NOT_COMPATIBILITY_IDEOGRAPHS, (part) => part.normalize('NFC'));

// No script needs more than four marks on a letter (Unicode UTS #39, 5.4), except those in which subjoined letters,
// medials, points and accents are marks as well: လျှို့ in Burmese, Hebrew with vowels and cantillation, the Sanskrit stacks
// of Tibetan. A letter of these bears up to eight marks of its own script, none of them twice.
const OWN_MARKS = ofScripts('Hebrew Tibetan Myanmar Khmer Tai_Tham Javanese Balinese Cham Lepcha');
const MANY_MARKS = new RegExp(`^(?=\\P{M})(?:${OWN_MARKS.map((script) => `${script}{6,9}`).join('|')})$`, 'u');
const STACKED_ON_ALPHABET = new RegExp(`${ALPHABET}\\p{M}{5}`, 'u');

const overstacked = (line: string): boolean =>
  // The accent of a precomposed letter counts: é with four more is e with five.
  STACKED_ON_ALPHABET.test(line.normalize('NFD')) ||
  [...line.matchAll(/(\P{M}?)(\p{M}{5,})/gu)].some(
    ([stack, _, marks = '']) => !MANY_MARKS.test(stack) || new Set(marks).size < [...marks].length,
  );

const invalid = (detail: string) => new InvalidValue('invalid-characters', detail);

const within = (text: string, max: number): string => {
  if (text.length > max * 2 || [...text].length > max) throw new InvalidValue('too-long', `must have at most ${max} characters`);
  if (text.replace(INVISIBLE, '').trim() === '') throw new InvalidValue('too-short', 'must not be empty');
  return text;
};

// Most names. They have nothing of what is looked for below.
const PLAIN = /^[\x20-\x7E]*$/;

/**
 * One line as people write names, in NFC: no control, direction-changing or invisible characters, no more marks on a
 * letter than scripts write, no word in two alphabets nor in signs that only look like one, no space at either end.
 */
export const Line = (text: string, max: number): string => {
  const line = composed(within(text, max));
  if (!PLAIN.test(line)) checkCharacters(line);
  if (line !== line.trim()) throw invalid('must not begin or end with a space');
  return within(line, max);
};

const checkCharacters = (line: string): void => {
  const shown = withoutSpelling(line);
  if (NEVER_IN_LINE.test(line)) throw invalid('has a control character or one that is not assigned');
  if (BIDI.test(line) || shown.search(INVISIBLE) >= 0) throw invalid('has an invisible or direction-changing character');
  if (hidesInVariations(line)) throw invalid('has more variation selectors than a name needs');
  if (overstacked(shown)) throw invalid('has more combining marks on a letter than any script writes');
  if (seemsAlphabetic(shown)) throw invalid('has a sign that only looks like a letter: bold, circled or the like');
  if (mixesAlphabets(shown)) throw invalid('mixes letters of two alphabets in one word');
};

/**
 * Text of several lines in NFC: no control or direction-changing characters, and none in which something can be said that
 * people do not see. Emoji pass, and what scripts need.
 */
export const Prose = (text: string, max: number): string => {
  const prose = composed(within(text, max));
  if (NEVER_IN_PROSE.test(prose)) throw invalid('has a control character or one that is not assigned');
  if (BIDI.test(prose)) throw invalid('has a direction-changing character');
  if (hidesText(prose)) throw invalid('has a character that people do not see');
  return within(prose, max);
};
