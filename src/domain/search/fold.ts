/** Accents typed for an apostrophe, before they are taken apart into a space and a mark; and all other signs for one. */
const LONE_ACCENT = /[´΄᾽᾿῾]/gu;
const APOSTROPHE = /[’‘‛′ʹʻʼʽʾʿˈˊˋꞌ՚׳״]/gu;
const DASH = /[\p{Dash_Punctuation}\u2212\u02D7]/gu;

/**
 * Marks of the scripts that can be written without them: accents, dots, points, vowel signs of Arabic, Hebrew and Syriac.
 * Not so in Indic scripts, of whose marks only the dot below goes, and in kana, where a mark makes another syllable.
 */
const MARK =
  /(?![\u3099\u309A])(?=\p{Nonspacing_Mark})[\p{Script=Inherited}\p{Script=Arabic}\p{Script=Cyrillic}\p{Script=Hebrew}\p{Script=Syriac}]|[\u093C\u09BC\u0A3C\u0ABC\u0B3C]/gu;
/** Characters that show nothing, and the stroke that only makes an Arabic word longer. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Format}\u2800\u0640]/gu;

/** Letters that Unicode does not decompose, under what they are typed as where the keyboard does not have them. */
const LETTERS = new Map(
  Object.entries({
    ae: 'æӕ',
    b: 'ƀɓƃ',
    c: 'ƈȼ',
    d: 'đɖɗƌð',
    e: 'ɇəǝɛ',
    f: 'ƒ',
    g: 'ǥɠɣ',
    h: 'ħɦ',
    i: 'ɨɩ',
    j: 'ɉ',
    k: 'ƙĸ',
    l: 'łƚɫ',
    n: 'ƞɲŋ',
    o: 'øɔ',
    oe: 'œ',
    p: 'ƥ',
    r: 'ɍ',
    σ: 'ς',
    t: 'ŧƭ',
    th: 'þ',
    u: 'ʉʊ',
    v: 'ʋ',
    y: 'ƴɏ',
    z: 'ƶ',
    а: 'ә',
    г: 'ґғҕ',
    ж: 'җ',
    з: 'ҙ',
    к: 'қҝҟҡ',
    л: 'ӆԯ',
    н: 'ңӈҥ',
    о: 'ө',
    п: 'ҧ',
    р: 'ҏ',
    с: 'ҫ',
    т: 'ҭ',
    у: 'үұ',
    х: 'ҳӽӿһ',
    ч: 'ҷҹӌ',
    // Arabic, Persian and Urdu keyboards have different letters for these.
    ا: 'ٱ',
    ه: 'ةہھە',
    ك: 'ک',
    ي: 'یى',
  }).flatMap(([typed, letters]) => [...letters].map((letter) => [letter, typed] as const)),
);
const LETTER = new RegExp(`[${[...LETTERS.keys()].join('')}]`, 'gu');

/** The digits of a script follow one another, from zero on. */
const toAscii = (digit: string): string => {
  const code = digit.codePointAt(0) ?? 0;
  let value = 0;
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(code - value - 1))) value++;
  return String(value);
};

/**
 * What is left of a text when a search compares it, the same for what is stored and for what is asked: no case, no accents,
 * no compatibility forms, one kind of apostrophe, dash, digit and space. So a text is found by what is typed without its marks.
 */
export const fold = (text: string): string =>
  text
    .replace(LONE_ACCENT, "'")
    .normalize('NFKD')
    .replace(MARK, '')
    .replace(INVISIBLE, '')
    // Full case folding: ẞ is ß in lower case, and ß is ss by way of upper case.
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .replace(APOSTROPHE, "'")
    .replace(LETTER, (letter) => LETTERS.get(letter) ?? letter)
    .replace(/(?![0-9])\p{Nd}/gu, toAscii)
    .replace(DASH, '-')
    // Syllables and vowels that were taken apart: no letter is to be the beginning of another one.
    .normalize('NFC')
    .replace(/\s+/gu, ' ')
    .trim();
