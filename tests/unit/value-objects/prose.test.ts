import { describe } from 'vitest';
import { BIO_LENGTH, Bio } from '../../../src/domain/value-objects/bio.ts';
import { BLOCK_REASON_LENGTH, BlockReason } from '../../../src/domain/value-objects/block-reason.ts';
import { accepts, behavesLikeAValueObject, refuses } from '../../fixtures/value-object.ts';

describe('a bio', () => {
  accepts(Bio, [
    'Builds bridges.',
    'Two\nlines\r\nand\ta tab',
    '👨\u200D👩\u200D👧 🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F} ❤\uFE0F',
    'שלום\u200F, world',
    'Аdmin in two alphabets',
    ' a space at either end ',
    ['Zoe\u0308', 'Zoë'],
    '\uFA19谷 \u{2F80B}',
    ['🌉'.repeat(BIO_LENGTH), '🌉'.repeat(BIO_LENGTH)],
  ]);
  refuses(Bio, 'too-short', ['', ' ', '\n\t', '\u200B', '\uFE0F\u200D']);
  refuses(Bio, 'too-long', ['x'.repeat(BIO_LENGTH + 1), `${'🌉'.repeat(BIO_LENGTH)}x`]);
  refuses(Bio, 'invalid-characters', [
    'a\u0000',
    'a\u001b[2J',
    'a\ud800',
    'a\u202Eb',
    'a\u2066b',
    'a\u2028b',
    'a\uFFFEb',
    'a\u{1FFFF}',
    'a\uE000',
    'a\u0085b',
  ]);
  behavesLikeAValueObject(Bio);
});

describe('a bio hides nothing from people', () => {
  accepts(Bio, [
    // Emoji: families, skins, hair, keycaps, flags of countries and of their parts; text style.
    '👩🏽\u200D🚀 👩🏽\u200D🤝\u200D👨🏿 👨\u200D🦰 🏳️\u200D🌈 🏳️\u200D⚧️ 👁️\u200D🗨️ ❤️\u200D🔥 🙂\u200D↔️ 🐈\u200D⬛ 🕵🏽\u200D♂️ ☝🏻\uFE0F',
    '1️⃣ #\uFE0F\u20E3 *⃣ ☎\uFE0E ©️ ™️ 🇺🇦🇩🇪',
    '🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}🏴\u{E0075}\u{E0073}\u{E0063}\u{E0061}\u{E007F}',
    // What scripts need.
    'می\u200Cخواهم کتاب\u200Cها',
    'ಶ್ರೀ ರಮೇಶ್\u200C, ක්\u200Dෂ',
    'ᠪᠠᠶᠠᠷᠮᠠ\u180Eᠠ',
    '葛\u{E0100}城市の辻\u{E0101}です。神\uFE00社',
    'שלום\u200F! (C++\u200E) ועוד',
    'مرحبا\u061C, ١٢٣',
    '\u0600\u0661\u0662',
    '⠓⠑⠇⠇⠕\u2800⠺⠕⠗⠇⠙',
    'Ⲁ 𝐛𝐨𝐥𝐝 ﷺ Ａ',
  ]);
  const tags = (text: string): string => [...text].map((letter) => String.fromCodePoint(0xe0000 + letter.charCodeAt(0))).join('');
  const bytes = (text: string): string => [...text].map((letter) => String.fromCodePoint(0xe0100 + letter.charCodeAt(0) - 16)).join('');
  refuses(
    Bio,
    'invalid-characters',
    [
      // Tags outside of flags, and texts in the form of a flag.
      `Hi${tags('ignore all rules')}`,
      '\u{E0001}Hi',
      'Hi\u{E007F}',
      `🏴${tags('gbeng')}`,
      `🏴${tags('ignore')}${tags('rules')}\u{E007F}`,
      `🏴${tags('gb eng')}\u{E007F}`,
      `🏳${tags('gbeng')}\u{E007F}`,
      `🏴\uFE0F${tags('gbeng')}\u{E007F}`,
      // Bytes in variation selectors.
      `😊${bytes('hidden')}`,
      `a${bytes('h')}`,
      `葛${bytes('hi')}`,
      [...'葛城市の辻です葛城市の辻です葛城市の辻です']
        .map((letter) => (/\p{Script=Han}/u.test(letter) ? `${letter}\u{E0105}` : letter))
        .join('')
        .repeat(2),
      'a\uFE0F',
      'a\uFE00b\uFE01',
      '❤\uFE0F\uFE0F\uFE0F',
      '❤\uFE0F\uFE0E',
      '1\uFE0F',
      '\uFE0FHi',
      '👍🏽\uFE0F\uFE0F',
      // What is without width.
      ...[
        '\u200B',
        '\u2060',
        '\uFEFF',
        '\u00AD',
        '\u034F',
        '\u061C',
        '\u180E',
        '\u180B',
        '\u200C',
        '\u200D',
        '\u200E',
        '\u200F',
        '\u2061',
        '\u2064',
      ],
      ...[
        '\u206A',
        '\u206F',
        '\u115F',
        '\u1160',
        '\u3164',
        '\uFFA0',
        '\u17B4',
        '\u17B5',
        '\u2800',
        '\uFFF9',
        '\uFFFB',
        '\u{1D159}',
        '\u{1D173}',
        '\u{1BCA0}',
        '\u{13430}',
      ],
    ].map((text) => ([...text].length === 1 ? `a${text}b` : text)),
  );
  refuses(Bio, 'invalid-characters', [
    'می\u200C\u200Cخواهم',
    'می\u200C',
    '👨\u200D',
    '👨\u200Da',
    '\u200D👨',
    'שלום\u200F\u200F\u200E!',
    'של\u200Fום',
    'שלום h\u200Eello',
    // Not assigned in the Unicode of this runtime.
    'a\u0378',
    'a\u{1FAFF}',
    'a\u{E0080}',
    'a\u{E0FFF}',
    'a\u{3FFFD}',
  ]);
});

describe('the reason of a block', () => {
  accepts(BlockReason, ['Spam', '\uFA19谷', ['x'.repeat(BLOCK_REASON_LENGTH), 'x'.repeat(BLOCK_REASON_LENGTH)]]);
  refuses(BlockReason, 'too-long', ['x'.repeat(BLOCK_REASON_LENGTH + 1)]);
  refuses(BlockReason, 'invalid-characters', ['a\u0000', 'a\u202Eb', 'a\u200Bb', 'a\u{E0041}', 'a\u0378', '😊\u{E0148}\u{E0149}']);
});
