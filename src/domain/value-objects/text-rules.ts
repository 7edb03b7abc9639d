import { InvalidValue } from './value-object.ts';

// Control, surrogate, private-use and unassigned characters, line and paragraph separators.
const NEVER_IN_LINE = /[\p{Cc}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;
// Unassigned ones pass here: next year's emoji are among them.
const NEVER_IN_PROSE = /(?![\n\r\t])[\p{Cc}\p{Cs}\p{Co}\p{Noncharacter_Code_Point}\p{Zl}\p{Zp}]/u;
// Embeddings, overrides and isolates turn what a reader sees around (Unicode UAX #9, "Trojan Source").
const BIDI = /[\u202A-\u202E\u2066-\u2069]/u;
// Characters that show nothing, among them U+200B, U+2060, U+115F, and the empty Braille cell.
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]/gu;
// Invisible characters that are spelling: joiners in scripts that write with them (the non-joiner only inside a word),
// variation selectors after a Han character, vowel separator and variation selectors of Mongolian.
const JOINING_SCRIPTS =
  'Arabic Syriac Devanagari Bengali Gurmukhi Gujarati Oriya Tamil Telugu Kannada Malayalam Sinhala Khmer Mongolian'.split(' ');
const JOINING = `[${JOINING_SCRIPTS.map((script) => `\\p{Script=${script}}`).join('')}\\u064B-\\u065F\\u0670]`;
const SPELLING = new RegExp(
  `(?<=(?=[\\p{L}\\p{M}])${JOINING})(?:\\u200D|\\u200C(?=[\\p{L}\\p{M}]))` +
    '|(?<=\\p{Script=Han})[\\uFE00-\\uFE02\\u{E0100}-\\u{E01EF}]|(?<=\\p{Script=Mongolian})[\\u180B-\\u180F]',
  'gu',
);
// One word in two of the alphabets whose letters look alike, as in "Аdmin" with a Cyrillic A.
const MIXED_ALPHABETS =
  /\p{Script=Latin}\p{Mn}*[\p{Script=Cyrillic}\p{Script=Greek}]|\p{Script=Cyrillic}\p{Mn}*[\p{Script=Latin}\p{Script=Greek}]|\p{Script=Greek}\p{Mn}*[\p{Script=Latin}\p{Script=Cyrillic}]/u;
const STACKED_MARKS = /\p{M}{5}/u;

const invalid = (detail: string) => new InvalidValue('invalid-characters', detail);

const within = (text: string, max: number): string => {
  if (text.length > max * 2 || [...text].length > max) throw new InvalidValue('too-long', `must have at most ${max} characters`);
  if (text.replace(INVISIBLE, '').trim() === '') throw new InvalidValue('too-short', 'must not be empty');
  return text;
};

/**
 * One line as people write names, in NFC: no control, direction-changing or invisible characters, no
 * word in two alphabets, no space at either end.
 */
export const Line = (text: string, max: number): string => {
  const line = within(text, max).normalize('NFC');
  if (NEVER_IN_LINE.test(line)) throw invalid('has a control character or one that is not assigned');
  if (BIDI.test(line) || line.replace(SPELLING, '').search(INVISIBLE) >= 0)
    throw invalid('has an invisible or direction-changing character');
  if (STACKED_MARKS.test(line)) throw invalid('has more than four combining marks in a row');
  if (MIXED_ALPHABETS.test(line)) throw invalid('mixes letters of two alphabets in one word');
  if (line !== line.trim()) throw invalid('must not begin or end with a space');
  return within(line, max);
};

/** Text of several lines in NFC; emoji and joiners pass, control and direction-changing characters do not. */
export const Prose = (text: string, max: number): string => {
  const prose = within(text, max).normalize('NFC');
  if (NEVER_IN_PROSE.test(prose)) throw invalid('has a control character or one that has no meaning');
  if (BIDI.test(prose)) throw invalid('has a direction-changing character');
  return within(prose, max);
};
