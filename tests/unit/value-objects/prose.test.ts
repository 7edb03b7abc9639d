import { describe } from 'vitest';
import { BIO_LENGTH, Bio } from '../../../src/domain/value-objects/bio.ts';
import { BLOCK_REASON_LENGTH, BlockReason } from '../../../src/domain/value-objects/block-reason.ts';
import { accepts, behavesLikeAValueObject, refuses } from '../../fixtures/value-object.ts';

describe('a bio', () => {
  accepts(Bio, [
    'Builds bridges.',
    'Two\nlines\r\nand\ta tab',
    '👨\u200D👩\u200D👧 🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F} ❤\uFE0F',
    'next year’s emoji \u{1FAFF}',
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

describe('the reason of a block', () => {
  accepts(BlockReason, ['Spam', '\uFA19谷', ['x'.repeat(BLOCK_REASON_LENGTH), 'x'.repeat(BLOCK_REASON_LENGTH)]]);
  refuses(BlockReason, 'too-long', ['x'.repeat(BLOCK_REASON_LENGTH + 1)]);
  refuses(BlockReason, 'invalid-characters', ['a\u0000', 'a\u202Eb']);
});
