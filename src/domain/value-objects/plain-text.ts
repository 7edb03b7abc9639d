import { InvalidValue } from './value-object.ts';

// Control, surrogate, private-use and unassigned characters, line and paragraph separators.
const NEVER = /[\p{Cc}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;
const NEVER_BUT_LINES = /(?![\n\r\t])[\p{Cc}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;
// Embeddings, overrides and isolates turn what a reader sees around (Unicode UAX #9, "Trojan Source").
const BIDI = /[\u202A-\u202E\u2066-\u2069]/u;
// Characters that show nothing, among them U+200B, U+2060, U+115F, and the empty Braille cell.
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]/u;
// Joiners after a letter of a script that writes with them, and variation selectors after a Han character, are spelling.
const SPELLING =
  /(?<=[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Khmer}\p{Script=Mongolian}\p{Mn}])[\u200C\u200D]|(?<=\p{Script=Han})[\u{E0100}-\u{E01EF}]/gu;
const STACKED_MARKS = /\p{M}{5}/u;

const invalid = (detail: string) => new InvalidValue('invalid-characters', detail);

const within = (text: string, max: number): string => {
  if (text.length > max * 2 || [...text].length > max) throw new InvalidValue('too-long', `must have at most ${max} characters`);
  if (text.trim() === '') throw new InvalidValue('too-short', 'must not be empty');
  return text;
};

/** One line as people write names, in NFC: no control, bidirectional-override or invisible characters, no space at either end. */
export const Line = (text: string, max: number): string => {
  const line = within(text, max).normalize('NFC');
  if (NEVER.test(line)) throw invalid('has a control character or one that is not assigned');
  if (BIDI.test(line) || INVISIBLE.test(line.replace(SPELLING, ''))) throw invalid('has an invisible or direction-changing character');
  if (STACKED_MARKS.test(line)) throw invalid('has more than four combining marks in a row');
  if (line !== line.trim()) throw invalid('must not begin or end with a space');
  return within(line, max);
};

/** Text of several lines in NFC; emoji and joiners pass, control and direction-changing characters do not. */
export const Prose = (text: string, max: number): string => {
  const prose = within(text, max).normalize('NFC');
  if (NEVER_BUT_LINES.test(prose)) throw invalid('has a control character or one that is not assigned');
  if (BIDI.test(prose)) throw invalid('has a direction-changing character');
  return within(prose, max);
};
