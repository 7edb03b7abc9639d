import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formats } from '../../src/application/commands/fields.ts';
import {
  IDEMPOTENCY_KEY,
  IF_MATCH,
  IF_NONE_MATCH,
  PREFER,
  parseIdempotencyKey,
  parseIfMatch,
  parseIfNoneMatch,
  parsePrefer,
} from '../../src/presentation/api/http/headers.ts';
import { inputFormats } from '../../src/presentation/api/schemas/input-formats.ts';
import { patternOf } from '../../src/presentation/api/schemas/pattern.ts';
import { NOW } from '../fixtures/given.ts';

type Said = { pattern?: string; not?: { pattern: string } };

const isTaken = (format: keyof typeof formats, text: string): boolean => {
  try {
    formats[format](text, NOW);
    return true;
  } catch {
    return false;
  }
};
const isAllowed = (format: keyof typeof formats, text: string): boolean => {
  const { pattern = '', not } = inputFormats[format] as Said;
  return new RegExp(pattern, 'u').test(text) && !(not && new RegExp(not.pattern, 'u').test(text));
};

describe('what the OpenAPI document says of a text', () => {
  it.each<[keyof typeof formats, string[]]>([
    ['uuid', ['550e8400-e29b-41d4-a716-446655440000', '550E8400-E29B-01D4-0716-446655440000']],
    ['email', ['a@x.io', 'John.Doe+tag@example.co.uk', "o'brien@xn--80akhbyknj4f.xn--p1ai", `${'a'.repeat(64)}@b-c.museum`]],
    ['phone', ['+79991234567', '+7 999 123-45-67', '+442079460000', '+6834000']],
    ['person-name', ['J', '李', "O'Brien", 'José María', 'Nguyễn', '山田　太郎', 'Анна-Мария', '👩', 'بسمة']],
    ['language-tag', ['en', 'pt-BR', 'zh-Hant-TW', 'i-klingon', 'de-CH-1901', 'en-x-private']],
    ['uri', ['https://cdn.example.com/john.png', 'https://example.com', 'https://example.com:8443/a?b=c%20d#e']],
    ['bio', ['Builds bridges.', '\n\tone\r\ntwo 👍', '　橋を作る', '  .']],
    ['block-reason', ['Spam', 'a\nb']],
    ['view-source', ['search', '0.a_b-c']],
  ])('takes of %s what people write', (format, texts) => {
    for (const text of texts) {
      expect(isTaken(format, text), text).toBe(true);
      expect(isAllowed(format, text), text).toBe(true);
    }
  });

  it.each<[keyof typeof formats, string[]]>([
    ['uuid', ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF']],
    ['email', ['a@b', 'a@', '.a@b.co', 'a..b@c.de', 'a@b..co', 'a@-b.co', 'a@127.0.0.1', 'a b@c.de', `${'a'.repeat(65)}@b.co`, '']],
    ['phone', ['79991234567', '+0999123456', '+7', '+7 (999) 123-45-67', '+79991234567 x1', '']],
    ['person-name', ['', ' ', '\t', ' John', 'John ', 'a\u0000b', 'a\nb', 'a\u0085b']],
    ['language-tag', ['', 'e', 'en_US', 'en-', 'english language']],
    ['uri', ['', 'http://example.com/', 'https://', 'https://u:p@example.com/', 'https://exa mple.com/', 'https://example.com:99999/']],
    ['bio', ['', ' ', ' \n\t', 'a\u0000b', '\u001b[2J']],
    ['block-reason', ['', '   ', 'a\u0007']],
    ['view-source', ['', 'Search', '-a', 'a b']],
  ])('refuses of %s what is refused', (format, texts) => {
    for (const text of texts) {
      expect(isTaken(format, text), text).toBe(false);
      expect(isAllowed(format, text), text).toBe(false);
    }
  });
});

describe('what the OpenAPI document says of a header', () => {
  const parsers = {
    'If-Match': {
      pattern: IF_MATCH,
      parse: parseIfMatch,
      good: ['*', '"1"', 'W/"3"', '"3-gzip", "0"'],
      bad: ['', '1', '"x"', '"1" "2"', '*, "1"'],
    },
    'If-None-Match': { pattern: IF_NONE_MATCH, parse: parseIfNoneMatch, good: ['*', '"1"', 'W/"x", ""'], bad: ['', '1', '"'] },
    'Idempotency-Key': {
      pattern: IDEMPOTENCY_KEY,
      parse: parseIdempotencyKey,
      good: ['a', '550e8400-e29b-41d4-a716-446655440000', '"a"', '"a\\"b\\\\"', 'x'.repeat(255)],
      bad: ['', 'a b', '"', '""', 'a"b', '"a\\b"', 'é', 'x'.repeat(256)],
    },
  };

  it.each(Object.entries(parsers))('%s: the pattern and its reader take and refuse the same', (_, { pattern, parse, good, bad }) => {
    for (const text of good) {
      expect(new RegExp(patternOf(pattern), 'u').test(text), text).toBe(true);
      expect(() => parse(text), text).not.toThrow();
    }
    for (const text of bad) {
      expect(new RegExp(patternOf(pattern), 'u').test(text), text).toBe(false);
      expect(() => parse(text), text).toThrow();
    }
  });

  it.each(Object.entries(parsers))('%s: whatever fits the pattern is taken', (_, { pattern, parse }) => {
    fc.assert(fc.property(fc.stringMatching(pattern), (text) => void expect(() => parse(text), text).not.toThrow()));
  });

  it('Prefer: every preference that is followed fits the pattern', () => {
    for (const text of ['respond-async', 'wait=5', 'respond-async, wait=10', 'wait = "5"', 'return=minimal,wait=1'])
      expect(new RegExp(patternOf(PREFER), 'u').test(text), text).toBe(true);
    fc.assert(fc.property(fc.stringMatching(PREFER), (text) => void expect(() => parsePrefer(text), text).not.toThrow()));
  });
});
