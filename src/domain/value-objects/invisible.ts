import { ALPHABET, ofScripts } from './alphabets.ts';

// Characters that show nothing, among them U+200B, U+2060, U+115F; the empty Braille cell, note head and Khitan filler.
export const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}\u2800\u{1D159}\u{16FE4}]/gu;

// Invisible characters that are spelling: joiners in scripts that write with them (the non-joiner only inside a word),
// both joiners after a virama (RFC 5892, appendix A), variation selectors after a Han character, vowel separator and
// variation selectors of Mongolian. A mark of such a script on a letter of an alphabet makes no word of that script.
const JOINING = `[${ofScripts(
  'Arabic Syriac Mandaic Nko Adlam Hanifi_Rohingya Devanagari Bengali Gurmukhi Gujarati Oriya Tamil Telugu Kannada Malayalam Sinhala Khmer Mongolian',
).join('')}\\u064B-\\u065F\\u0670]`;
const SPELLING = new RegExp(
  `(?=\\p{Default_Ignorable_Code_Point})(?<!${ALPHABET}\\p{M}*)(?:` +
    `(?<=(?=[\\p{L}\\p{M}])${JOINING})(?:\\u200D|\\u200C(?=[\\p{L}\\p{M}]))|(?<=(\\p{M}))[\\u200C\\u200D]` +
    '|(?<=\\p{Script=Han})[\\uFE00-\\uFE02\\u{E0100}-\\u{E01EF}]|(?<=(?=\\p{L})\\p{Script=Mongolian})[\\u180B-\\u180F])',
  'gu',
);

// A virama is a mark of the canonical combining class 9. JavaScript cannot name the class, but NFD sorts marks by it:
// a virama comes after U+3099, which has class 8, and before U+05B0, which has class 10.
const isVirama = (mark: string): boolean => sortsBefore('\u3099', mark) && sortsBefore(mark, '\u05B0');

const sortsBefore = (first: string, second: string): boolean =>
  first !== second && `${second}${first}`.normalize('NFD') === `${first}${second}`;

/** The text without the invisible characters that are spelling. */
export const withoutSpelling = (line: string): string =>
  line.replace(SPELLING, (sign, mark?: string) => (mark === undefined || isVirama(mark) ? '' : sign));

// What an emoji is made of (Unicode UTS #51, 1.4): presentation, skin, joiners; a keycap; the flag of a part of a country,
// which is a black flag and the code of that part in tags, at most six of them: longer ones are texts, and so are many flags.
const EMOJI = '\\p{Extended_Pictographic}(?:\\uFE0F?\\p{Emoji_Modifier}\\uFE0F?|[\\uFE0E\\uFE0F])?';
const LETTER_TAG = '[\\u{E0061}-\\u{E007A}]';
const FLAG = `\\u{1F3F4}${LETTER_TAG}{2}(?:${LETTER_TAG}|[\\u{E0030}-\\u{E0039}]){1,4}\\u{E007F}`;
const EMOJI_SEQUENCES = new RegExp(`${FLAG}|[\\d#*]\\uFE0F?\\u20E3|${EMOJI}(?:\\u200D${EMOJI})*`, 'gu');

// Marks of direction at the border of a word, one at a time, in a text that has letters from right to left.
const RIGHT_TO_LEFT = new RegExp(`[${ofScripts('Hebrew Arabic Syriac Thaana Nko Adlam Samaritan Mandaic Hanifi_Rohingya').join('')}]`, 'u');
const DIRECTION = /(?<![\u061C\u200B-\u200F])[\u061C\u200E\u200F](?![\u061C\u200B-\u200F])(?:(?<![\p{L}\p{M}].)|(?![\p{L}\p{M}]))/gu;
// Signs of format that are seen: they embrace a number or a word.
const SEEN = /[\u0600-\u0605\u06DD\u070F\u0890\u0891\u08E2\u{110BD}\u{110CD}]/gu;
const BRAILLE = /[\u2801-\u28FF]/;

// Each may stand for a byte. A family chooses the form of a character or two.
const VARIATIONS = /[\u{E0100}-\u{E01EF}]/gu;
const MOST_VARIATIONS = 16;

/** Whether more characters than of a name or two have a form of their own. */
export const hidesInVariations = (text: string): boolean => (text.match(VARIATIONS)?.length ?? 0) > MOST_VARIATIONS;

const FLAGS = new RegExp(FLAG, 'gu');
const MOST_FLAGS = 4;

/** Whether a text says something that people do not see, or could. */
export const hidesText = (prose: string): boolean => {
  if (prose.search(INVISIBLE) < 0) return false;
  let shown = withoutSpelling(prose.replace(EMOJI_SEQUENCES, '\u263A')).replace(SEEN, '');
  if (RIGHT_TO_LEFT.test(prose)) shown = shown.replace(DIRECTION, '');
  if (BRAILLE.test(prose)) shown = shown.replaceAll('\u2800', ' ');
  return shown.search(INVISIBLE) >= 0 || hidesInVariations(prose) || (prose.match(FLAGS)?.length ?? 0) > MOST_FLAGS;
};
