import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Email, emailKey } from '../../../src/domain/value-objects/email.ts';
import { accepts, behavesLikeAValueObject, refuses } from '../../fixtures/value-object.ts';

const word = fc.string({ unit: fc.constantFrom(...'abcXYZ019-'), minLength: 1, maxLength: 20 });
const address = fc.tuple(word, word, fc.constantFrom('com', 'РФ', 'xn--p1ai', 'jp', '123')).map(([a, b, c]) => `${a}@${b}.${c}`);

describe('an email address', () => {
  accepts(Email, [
    'john.doe@example.com',
    'john+tag@example.com',
    "o'brien@example.ie",
    'a@b.co',
    'x_y-z@sub.domain.example.museum',
    '!#$%&*+/=?^_`{|}~-@example.com',
    '123@example.com',
    'a@123.example',
    'a@x.1a',
    'a@ab--cd.com',
    ['John.Doe@EXAMPLE.com', 'John.Doe@example.com'],
    ['a@münchen.de', 'a@xn--mnchen-3ya.de'],
    ['a@XN--MNCHEN-3YA.de', 'a@xn--mnchen-3ya.de'],
    ['a@straße.de', 'a@xn--strae-oqa.de'],
    ['a@почта.рф', 'a@xn--80a1acny.xn--p1ai'],
    ['a@例え.jp', 'a@xn--r8jz45g.jp'],
    ['a@例え。jp', 'a@xn--r8jz45g.jp'],
    ['a@ｅｘａｍｐｌｅ．com', 'a@example.com'],
    ['a@col·lecció.cat', 'a@xn--collecci-ioa91d.cat'],
    ['a@نامه\u200Cای.com', 'a@xn--mgba3gch31f060k.com'],
    [`${'a'.repeat(64)}@example.com`, `${'a'.repeat(64)}@example.com`],
    [`a@${'a'.repeat(63)}.com`, `a@${'a'.repeat(63)}.com`],
  ]);

  refuses(Email, 'invalid-email', [
    '',
    'a',
    '@',
    'a@',
    '@example.com',
    'a@b',
    'a@localhost',
    ' a@example.com',
    'a@example.com ',
    'a@example.com\n',
    'a@b.c\r\nBcc:x@example.com',
    'a b@example.com',
    '"john doe"@example.com',
    '"<script>"@example.com',
    '<script>@example.com',
    'a@[127.0.0.1]',
    'a@[IPv6:::1]',
    'a@127.0.0.1',
    'a@0x7f.1',
    'a@x.123',
    'a@١٢.com',
    '.a@example.com',
    'a.@example.com',
    'a..b@example.com',
    'a@@example.com',
    'a@b@example.com',
    'a@example.com.',
    'a@.example.com',
    'a@example..com',
    'a@-example.com',
    'a@example-.com',
    'a@exam_ple.com',
    'a@exa mple.com',
    'a@exa\u00ADmple.com',
    'a@example.com/x',
    'a@example.com?x',
    'a@example.com#x',
    'a@example.com:25',
    'a@ex%61mple.com',
    'a@xn--a.com',
    'a@xn--0.com',
    'a@xn--.com',
    'a@xn--mnchen.de',
    'a@i❤.ws',
    'a@xn--i-7iq.ws',
    'ｊohn@example.com',
    'mıke@example.com',
    'Kelvin@example.com'.replace('K', '\u212A'),
    'джон@example.com',
    'jоhn@example.com',
    'a\u0000@example.com',
    'a\ud800@example.com',
    'a@\ud800.com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'a'.repeat(64)}.com`,
    `a@${'a.'.repeat(126)}com`,
    `a@${'ü'.repeat(60)}.${'ü'.repeat(60)}.${'ü'.repeat(60)}.${'ü'.repeat(50)}.de`,
  ]);

  behavesLikeAValueObject(Email, address);

  const key = (text: string) => emailKey(Email(text));

  it('is the same mailbox in upper and lower case, and in the Unicode and ASCII form of the domain', () => {
    expect(key('ADMIN@X.io')).toBe(key('admin@x.IO'));
    expect(key('a@Straße.DE')).toBe(key('A@xn--STRAE-oqa.de'));
    expect(key('a@ПОЧТА.РФ')).toBe(key('a@почта.рф'));
  });

  it('is another mailbox with a dot, a plus sign or another domain', () => {
    const all = ['john@x.io', 'jo.hn@x.io', 'john+a@x.io', 'john@y.io', 'john@strasse.de', 'john@straße.de'];
    expect(new Set(all.map(key)).size).toBe(all.length);
  });

  it('lower-cases without regard to the locale: I is i, never ı', () => expect(key('INFO@x.io')).toBe('info@x.io'));

  it('has a key that is an address with the same key, whatever the case of its letters', () => {
    fc.assert(
      fc.property(word, word, fc.boolean(), (local, domain, upper) => {
        const text = `${local}@x${domain}x.com`;
        const same = upper ? text.toUpperCase() : text.toLowerCase();
        expect(key(same)).toBe(key(text));
        expect(key(key(text))).toBe(key(text));
      }),
    );
  });
});
