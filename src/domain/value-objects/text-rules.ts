import { InvalidValue } from './value-object.ts';

// Control, surrogate, private-use and unassigned characters, line and paragraph separators.
const NEVER_IN_LINE = /[\p{Cc}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;
// Unassigned ones pass here: next year's emoji are among them.
const NEVER_IN_PROSE = /(?![\n\r\t])[\p{Cc}\p{Cs}\p{Co}\p{Noncharacter_Code_Point}\p{Zl}\p{Zp}]/u;
// Embeddings, overrides and isolates turn what a reader sees around (Unicode UAX #9, "Trojan Source").
const BIDI = /[\u202A-\u202E\u2066-\u2069]/u;
// Characters that show nothing, among them U+200B, U+2060, U+115F, and the empty Braille cell.
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]/gu;

// NFC makes one form of what looks the same, with one exception: a compatibility ideograph is a form of its own that
// families choose (U+FA19 for U+795E in Japan), and NFC would write another.
const NOT_COMPATIBILITY_IDEOGRAPHS = /[^\uF900-\uFAFF\u{2F800}-\u{2FA1F}]+/gu;

const composed = (text: string): string => text.replace(NOT_COMPATIBILITY_IDEOGRAPHS, (part) => part.normalize('NFC'));

const ofScripts = (names: string): string[] => names.split(' ').map((name) => `\\p{Script=${name}}`);

// The alphabets whose letters look alike.
const ALPHABET = `[${ofScripts('Latin Cyrillic Greek').join('')}]`;

// Invisible characters that are spelling: joiners in scripts that write with them (the non-joiner only inside a word),
// both joiners after a virama (RFC 5892, appendix A), variation selectors after a Han character, vowel separator and
// variation selectors of Mongolian. A mark of such a script on a letter of an alphabet makes no word of that script.
const JOINING = `[${ofScripts(
  'Arabic Syriac Mandaic Nko Adlam Hanifi_Rohingya Devanagari Bengali Gurmukhi Gujarati Oriya Tamil Telugu Kannada Malayalam Sinhala Khmer Mongolian',
).join('')}\\u064B-\\u065F\\u0670]`;
const SPELLING = new RegExp(
  `(?=\\p{Default_Ignorable_Code_Point})(?<!${ALPHABET}\\p{M}*)(?:` +
    `(?<=(?=[\\p{L}\\p{M}])${JOINING})(?:\\u200D|\\u200C(?=[\\p{L}\\p{M}]))|(?<=(\\p{M}))[\\u200C\\u200D]` +
    '|(?<=\\p{Script=Han})[\\uFE00-\\uFE02\\u{E0100}-\\u{E01EF}]|(?<=\\p{Script=Mongolian})[\\u180B-\\u180F])',
  'gu',
);

// A virama is a mark of the canonical combining class 9. JavaScript cannot name the class, but NFD sorts marks by it:
// a virama comes after U+3099, which has class 8, and before U+05B0, which has class 10.
const isVirama = (mark: string): boolean => sortsBefore('\u3099', mark) && sortsBefore(mark, '\u05B0');

const sortsBefore = (first: string, second: string): boolean =>
  first !== second && `${second}${first}`.normalize('NFD') === `${first}${second}`;

const withoutSpelling = (line: string): string =>
  line.replace(SPELLING, (sign, mark?: string) => (mark === undefined || isVirama(mark) ? '' : sign));

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

// Letters that orthographies write although another script has them. Into Latin words: ε Σ γ Γ of Berber languages, θ Θ ϑ
// δ Δ of Romani, Wakhi, Tuscarora and Cypriot Arabic (Unicode L2/14-202), λ χ of Salishan and Wakashan languages, ы Ы of
// Wakhi. Into Cyrillic words: the Latin letters that Unicode once held for Cyrillic as well (L2/08-251), so that Ossetian,
// Kazakh, Tatar and Abkhaz texts have them; ă ĕ ç ÿ of Chuvash; ä ö of Komi, Mari and Altai.
const IN_LATIN = 'εΣγΓθΘϑδΔλχЫы';
const IN_CYRILLIC = 'ÆæƏəƟɵƷʒĂăĔĕÇçŸÿÄäÖö';
// Q and W of Kurdish, and a capital I inside a word or before a vowel, which Caucasian languages have for the palochka, look
// like letters of Latin names: only in words with a letter that no Latin one looks like.
const ONLY_CYRILLIC = 'БДЖИЙЛФЦЧШЩЪЭЮЯбвджзийлмнтфцчшщъэюя';
const ONE_ALPHABET = [
  `(?=.*\\p{Script=Latin})[\\p{Script=Latin}\\p{M}${IN_LATIN}]+`,
  `(?=.*\\p{Script=Cyrillic})[\\p{Script=Cyrillic}\\p{M}${IN_CYRILLIC}]+`,
  `(?=.*[${ONLY_CYRILLIC}])(?:[\\p{Script=Cyrillic}\\p{M}${IN_CYRILLIC}QqWw]|(?<=\\p{L})I(?=\\p{Ll})|(?<=\\p{Ll})I|I(?=[аиуэ]))+`,
  '[\\p{Script=Greek}\\p{M}]+',
].map((letters) => new RegExp(`^${letters}$`, 'u'));

// "Аdmin" with a Cyrillic A is a word of no alphabet.
const WORDS = new RegExp(`${ALPHABET}(?:${ALPHABET}|\\p{M})*`, 'gu');

const mixesAlphabets = (line: string): boolean =>
  [...line.matchAll(WORDS)].some(([word]) => !ONE_ALPHABET.some((letters) => letters.test(word)));

const invalid = (detail: string) => new InvalidValue('invalid-characters', detail);

const within = (text: string, max: number): string => {
  if (text.length > max * 2 || [...text].length > max) throw new InvalidValue('too-long', `must have at most ${max} characters`);
  if (text.replace(INVISIBLE, '').trim() === '') throw new InvalidValue('too-short', 'must not be empty');
  return text;
};

/**
 * One line as people write names, in NFC: no control, direction-changing or invisible characters, no more marks on a
 * letter than scripts write, no word in two alphabets, no space at either end.
 */
export const Line = (text: string, max: number): string => {
  const line = composed(within(text, max));
  const shown = withoutSpelling(line);
  if (NEVER_IN_LINE.test(line)) throw invalid('has a control character or one that is not assigned');
  if (BIDI.test(line) || shown.search(INVISIBLE) >= 0) throw invalid('has an invisible or direction-changing character');
  if (overstacked(shown)) throw invalid('has more combining marks on a letter than any script writes');
  if (mixesAlphabets(shown)) throw invalid('mixes letters of two alphabets in one word');
  if (line !== line.trim()) throw invalid('must not begin or end with a space');
  return within(line, max);
};

/** Text of several lines in NFC; emoji and joiners pass, control and direction-changing characters do not. */
export const Prose = (text: string, max: number): string => {
  const prose = composed(within(text, max));
  if (NEVER_IN_PROSE.test(prose)) throw invalid('has a control character or one that has no meaning');
  if (BIDI.test(prose)) throw invalid('has a direction-changing character');
  return within(prose, max);
};
