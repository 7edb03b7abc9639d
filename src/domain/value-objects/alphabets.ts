export const ofScripts = (names: string, property = 'Script'): string[] => names.split(' ').map((name) => `\\p{${property}=${name}}`);

// The alphabets whose letters look alike.
export const ALPHABET = `[${ofScripts('Latin Cyrillic Greek').join('')}]`;

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

// Cherokee Ꭺ, Lisu ꓮ, Coptic Ⲁ, Arabic ٥: any letter or digit of another script that stands in a word of an alphabet
// (Unicode UTS #39, 5.2). Scripts without spaces, East Asian ones, Thai and Lao, may hold Latin words, but for what could be
// l and o: ㅣ ㅇ 丨 〇 and their digits. The letters that Coptic has beside the Greek ones are encoded with these.
const RUNS = /[\p{L}\p{M}\p{N}]+/gu;
const IN_ALPHABET = new RegExp(ALPHABET, 'u');
const BESIDE = ofScripts('Latin Cyrillic Greek Common Inherited Han Hiragana Katakana Bopomofo Hangul Thai Lao', 'Script_Extensions').join(
  '',
);
const ELSEWHERE = new RegExp(`(?![${BESIDE}])[\\p{L}\\p{M}\\p{N}]|[\\u3007\\u3131-\\u318E\\u4E28\\u0E50-\\u0E59\\u0ED0-\\u0ED9]`, 'u');
const COPTIC = /^[\p{Script=Greek}\p{M}\u03E2-\u03EF]+$/u;
// Numbers that have the form of letters, and the wide letters of East Asian keyboards: words of their own, ＡＢＣ or Ⅳ.
const APART = /[\u2160-\u2188\uFF21-\uFF3A\uFF41-\uFF5A]/u;
const NARROW = new RegExp(`(?=\\p{L})(?![\\uFF21-\\uFF5A])${ALPHABET}`, 'u');

const mixesScripts = (run: string): boolean =>
  IN_ALPHABET.test(run) && ((ELSEWHERE.test(run) && !COPTIC.test(run)) || (APART.test(run) && NARROW.test(run)));

/** Whether a word has letters of two scripts of which a reader sees only one. What an orthography borrows is its own. */
export const mixesAlphabets = (line: string): boolean =>
  [...line.matchAll(WORDS)].some(([word]) => !ONE_ALPHABET.some((letters) => letters.test(word))) ||
  [...line.matchAll(RUNS)].some(([run]) => mixesScripts(run));

// Letters of mathematics and of lettering, which are of no script and no orthography: 𝐀 ℂ Ⓐ 🄰 ⒜ ᴀ.
const SEEMING =
  /(?=[\p{Alphabetic}\p{Nd}])[\u2100-\u214F\u1D00-\u1D2B\u{1D400}-\u{1D7FF}]|[\u212E\u249C-\u24E9\u{1CCD6}-\u{1CCEF}\u{1F110}-\u{1F189}]/u;

/** Whether there is a sign that has the form of a letter and is none (Unicode UTS #39, 3.1: not in NFKC). */
export const seemsAlphabetic = (line: string): boolean => SEEMING.test(line);
