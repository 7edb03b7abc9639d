import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fold } from '../../src/domain/search/fold.ts';
import { searchQuery } from '../../src/domain/search/search-query.ts';
import { nameTerms, searchForm } from '../../src/domain/search/search-terms.ts';
import { wordsAsked, wordsOf } from '../../src/domain/search/words.ts';
import { NamePart, type Username } from '../../src/domain/value-objects/username.ts';

const named = (name: string): Username => ({ first_name: name, last_name: null });
const begins = (words: string[], asked: string[]): boolean => asked.every((begin) => words.some((word) => word.startsWith(begin)));
const finds = (q: string, name: string): boolean => begins(wordsOf(named(name)), wordsAsked(fold(q)));

describe('the fold of a text', () => {
  it.each<[string, string[]]>([
    ['strasse', ['Straße', 'STRASSE', 'STRAẞE', 'ＳＴＲＡＳＳＥ', 'ſtraße']],
    ['κωσ', ['ΚΩΣ', 'κως', 'Κώς', 'κωσ']],
    ['izmir', ['İzmir', 'IZMIR', 'ızmır', 'izmir', 'I\u0307zmir']],
    ['muller', ['Müller', 'MÜLLER', 'Mu\u0308ller', 'ⓂⓊⓁⓁⒺⓇ']],
    ['nguyen', ['Nguyễn', 'NGUYỄN', 'Nguye\u0302\u0303n']],
    ['семен', ['Семён', 'СЕМЁН', 'Семе\u0308н']],
    ['андреи', ['Андрей', 'АНДРЕЙ']],
    ['sorensen', ['Sørensen', 'SØRENSEN', 'Sörensen']],
    ['lodz', ['Łódź', 'ŁÓDŹ']],
    ['dordevic', ['Đorđević', 'Ðorđević']],
    ['aegir thor', ['Ægir Þór']],
    ['гриць ахмет', ['Ґриць Әхмет']],
    ['fiancee', ['ﬁancée']],
    ['احمد', ['أحمد', 'أَحْمَد', 'احـــمد', 'ﺍﺣﻤﺪ']],
    ['علي', ['علی', 'على', 'عَلِيّ']],
    ['שלום', ['שָׁלוֹם', 'שׁלום']],
    ['神', ['神', '\uFA19', '神\u{E0100}']],
    ['ガラ', ['ｶﾞﾗ', 'ガラ']],
    ['김', ['김', '\u1100\u1175\u11B7']],
    ['फातिमा', ['फ़ातिमा', '\u092B\u093Cातिमा']],
    ['ರಮೇಶ್', ['ರಮೇಶ್\u200C', 'ರಮೇಶ್']],
    ['4915', ['４９１５', '٤٩١٥', '۴۹۱۵', '४९१५', '𝟜𝟡𝟙𝟝']],
    ["o'brien", ["O'Brien", 'O’Brien', 'OʼBrien', 'O´Brien', 'O‘BRIEN', 'Ｏ＇Ｂｒｉｅｎ']],
    ['a-b', ['a‐b', 'a‑b', 'a–b', 'a—b', 'a−b', 'Ａ－Ｂ']],
    ['a b', [' a\u00A0\u2003b ', 'a\u3000b', '\u202Aa b\u202C']],
  ])('is %s for each of %j', (expected, texts) => expect(texts.map(fold)).toEqual(texts.map(() => expected)));

  it.each([
    ['what Indic vowels tell apart', 'राम', 'रमा'],
    ['syllables of kana', 'か', 'が'],
    ['syllables of Hangul', '이', '임'],
    ['tones of Thai', 'ไม่', 'ไม้'],
  ])('keeps %s', (_, one, other) => {
    expect(fold(one)).not.toBe(fold(other));
    expect(fold(other).startsWith(fold(one))).toBe(false);
  });

  it('of every letter is that of the letter in the other case, and of its own fold', () => {
    const different: string[] = [];
    for (let code = 0; code <= 0x1ffff; code++) {
      const letter = String.fromCodePoint(code);
      if (!/\p{Changes_When_Casemapped}/u.test(letter)) continue;
      // In capitals the iota below a Greek vowel is written beside it.
      if (letter.normalize('NFD').includes('\u0345')) continue;
      const folded = fold(letter);
      if ([letter.toUpperCase(), letter.toLowerCase(), folded].some((other) => fold(other) !== folded)) different.push(letter);
    }
    expect(different).toEqual([]);
  });
});

describe('a name', () => {
  it.each<[string, string[]]>([
    ['Andrew Lloyd-Webber', ['webber', 'lloyd', 'lloyd-w', 'Lloyd‑Webber', 'lloydwebber', 'webber andrew', 'and web llo']],
    ["Annabel O'Brien", ['brien', 'obrien', "o'brien", 'O’Brien', 'OʼBRIEN', 'o brien', 'O`Brien', "o'", 'brien anna']],
    ['Jeanne d’Arc-Dupont', ["d'arc", 'darc', 'arc', 'dupont', "d'arc-du"]],
    ['Kovács János', ['kovács jános', 'jános kovács', 'janos kov', 'KOVACS']],
    ['Ludwig van der Beek', ['van der b', 'beek van', 'der']],
    ['Дем’ян Петренко', ["дем'ян", 'демян', 'петренко демʼян']],
    ['Oʻktam Gʻaniyev', ["o'ktam", 'oktam', "g'aniyev", 'ganiyev']],
    ['Κώστας Παπαδόπουλος', ['ΚΩΣ', 'κωστασ', 'παπαδοπουλοσ κωστας']],
    ['ジョン・スミス', ['スミス', 'ｽﾐｽ', 'ジョン']],
    ['Gal·la (Nan) Smith/Jones', ['galla', 'gal·la', 'nan', '(nan)', 'jones', 'Smith, Galla']],
    ['Çеспĕл Çĕнтĕр', ['çĕ', 'çĕнтĕр', 'ҫеспӗл', 'сеспел', 'cентер']],
    ['Сослæн', ['сослæ', 'сослӕн', 'сослаен']],
    ['Taεrabt', ['taε', 'taɛrabt', 'taerabt']],
    ['علی رضا', ['رضا', 'علي']],
    ['Anna_Maria c++ 100%_sure', ['maria', 'anna_', 'c++', '100%_', 'sure']],
  ])('%s is found by each of %j', (name, questions) => expect(questions.filter((q) => !finds(q, name))).toEqual([]));

  it.each<[string, string[]]>([
    ['Anna Maria Lindqvist', ['qvist', 'an%', 'an*', 'an_a', 'anna x', 'annamaria']],
    ['100%_sure', ['100%x', '1000']],
    ['김민수', ['기', '민수']],
  ])('%s is not found by any of %j', (name, questions) => expect(questions.filter((q) => finds(q, name))).toEqual([]));

  it('is found by whatever found it in earlier releases, if two characters are left of that', () => {
    const signs = [...` aabbcdeéßİıſςΣё-'’.,/()_%*&#+"·・が김李ﬁ½ŉẞ`, 'n\u0303', '\u0915\u093F'];
    const part = fc
      .array(fc.constantFrom(...signs), { minLength: 1, maxLength: 12 })
      .map((all) => all.join('').trim())
      .filter((text) => {
        try {
          return NamePart(text) === text;
        } catch {
          return false;
        }
      });
    fc.assert(
      fc.property(part, part, fc.nat(), fc.nat(), (first_name, last_name, start, length) => {
        const name = { first_name, last_name };
        const whole = `${first_name} ${last_name}`;
        const rest = whole
          .split(' ')
          .slice(start % whole.split(' ').length)
          .join(' ');
        const q = rest.slice(0, 1 + (length % rest.length));
        const query = searchQuery(q);
        if (query === null || !nameTerms(name).some((term) => term.startsWith(searchForm(q)))) return;
        expect([q, wordsOf(name), query.words, begins(wordsOf(name), query.words)]).toEqual([q, wordsOf(name), query.words, true]);
      }),
      { numRuns: 300 },
    );
  });

  it('is kept in words of a length that an index takes, and found by longer ones', () => {
    const long = '\u{20000}'.repeat(100);
    expect(wordsOf(named(long)).map((word) => [...word].length)).toEqual([64]);
    expect(finds(long, long)).toBe(true);
    expect(wordsOf(named('\uFDFA'.repeat(100))).every((word) => word.length <= 64)).toBe(true);
  });
});

describe('a name that is made to grow', () => {
  // Earlier releases took it: 99 times a character that is 18 in compatibility form.
  const grown: Username = { first_name: '\uFDFA'.repeat(99), last_name: '\u3300'.repeat(100) };
  const letters: Username = { first_name: 'a '.repeat(50).trim(), last_name: 'b '.repeat(5_000).trim() };

  it.each([
    ['words', wordsOf, 64, 64],
    ['terms of earlier releases', nameTerms, 64, 256],
  ])('has %s in bounded number and length', (_, of, most, longest) => {
    for (const name of [grown, letters]) {
      const terms = of(name);
      expect(terms.length).toBeLessThanOrEqual(most);
      for (const term of terms) expect([...term].length).toBeLessThanOrEqual(longest);
    }
  });

  it('is asked for in few words as well', () =>
    expect(wordsAsked(fold(Array.from({ length: 100 }, (_, n) => String.fromCodePoint(0x4e00 + n)).join(' '))).length).toBe(16));
});

describe('a question', () => {
  it.each([
    ['+49 151-10', '+4915110'],
    ['4915110', '+4915110'],
    ['0049151', '+49151'],
    ['00 49 151', '+49151'],
    ['(49) 151/10', '+4915110'],
    ['(+49) 151.10', '+4915110'],
    ['+49 (0)151 10', '+4915110'],
    ['+49\u00A0151\u201110', '+4915110'],
    ['\u202A+49 151\u202C', '+49151'],
    ['＋４９ １５１', '+49151'],
    ['+٤٩ ١٥١', '+49151'],
    ['79', '+79'],
    ['0151', null],
    ['00', null],
    ['49a', null],
    ['+4+9', null],
    ['100%', null],
  ])('%s asks for numbers that begin with %s', (q, phone) => expect(searchQuery(q)?.phone).toBe(phone));

  it.each([
    ['019ABCDE', '019abcde'],
    ['019abcde-f', '019abcdef'],
    ['550e8400-e29b-41d4-a716-446655440000', '550e8400e29b41d4a716446655440000'],
    [' 550E8400\u2011E29B ', '550e8400e29b'],
  ])('%s asks for ids that begin so', (q, id) => expect(searchQuery(q)?.ids).toEqual([id.padEnd(32, '0'), id.padEnd(32, 'f')]));
  it.each(['019abcd', '019abcdg', `${'0'.repeat(33)}`])('%s asks for no id', (q) => expect(searchQuery(q)?.ids).toBe(null));

  it('is nothing where less is left than two characters, or one that may be a name', () => {
    expect(['', ' ', 'x', ' x ', 'é', 'e\u0301', '\u0301\u0301', '\u200B\u200B', 'x\u200D', 'a\0'].filter(searchQuery)).toEqual([]);
    expect(['李', '이', 'ß', '--', '%%'].filter((q) => searchQuery(q) === null)).toEqual([]);
  });

  it('asks for each word once, the longest first, and for none that another one begins with', () => {
    expect(searchQuery('Jo john JOHN smith')?.words).toEqual(['smith', 'john']);
  });
});
