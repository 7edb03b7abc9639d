import fc from 'fast-check';
import { describe } from 'vitest';
import { AVATAR_URL_LENGTH, AvatarUrl } from '../../../src/domain/value-objects/avatar-url.ts';
import { accepts, behavesLikeAValueObject, refuses } from '../../fixtures/value-object.ts';

const url = fc
  .array(fc.constantFrom('a', 'B', '.', '/', '?', '#', '%', '%4', '1', ':', '@', '[', ']', '|', '{', '"', 'ü', '写', '=', '&', ' '), {
    maxLength: 15,
  })
  .map((parts) => `https://${parts.join('')}`);
const longest = `https://example.com/${'a'.repeat(AVATAR_URL_LENGTH - 20)}`;

describe('an avatar URL', () => {
  accepts(AvatarUrl, [
    'https://cdn.example.com/john.png',
    'https://example.com',
    'https://example.com:8443/a/b;c=1/?size=64&x=%20#top',
    'HTTPS://Example.com/A',
    'https://[2001:db8::1]/a.png',
    'https://my_bucket.s3.example.com/a.png',
    "https://example.com/a(1)'!*~.png",
    ['https://例え.jp/写真.png', 'https://xn--r8jz45g.jp/%E5%86%99%E7%9C%9F.png'],
    ['https://example.com/ü?q=ü#ü', 'https://example.com/%C3%BC?q=%C3%BC#%C3%BC'],
    // What browsers let pass but RFC 3986 does not is percent-encoded, so that strict readers can use the address.
    ['https://example.com/a[1].png', 'https://example.com/a%5B1%5D.png'],
    ['https://example.com/a|b', 'https://example.com/a%7Cb'],
    ['https://example.com/?q={"a"}', 'https://example.com/?q=%7B%22a%22%7D'],
    ['https://example.com/100%', 'https://example.com/100%25'],
    ['https://example.com/#a#b', 'https://example.com/#a%23b'],
    [longest, longest],
  ]);

  refuses(AvatarUrl, 'invalid-url', [
    '',
    'a',
    'example.com/a.png',
    '//example.com/a.png',
    'http://example.com/a.png',
    'http://169.254.169.254/latest/meta-data',
    'http://[::1]/',
    'http://0x7f.1/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'data:image/png;base64,AAAA',
    'https:example.com',
    'https:/example.com',
    'https:///example.com',
    'https://',
    'https://?x',
    'https://user@example.com/',
    'https://user:secret@example.com/',
    'https://@example.com/',
    'https://:@example.com/',
    'https:\\\\example.com',
    'https://example.com\\@evil.com',
    'https://exa\tmple.com/',
    'https://example.com/a\nb',
    'https://example.com/a b',
    ' https://example.com/',
    'https://example.com/ ',
    'https://example.com/\u0000',
    'https://example.com/\u202E',
    'https://example.com/\ud800',
    'https://example.com:99999/',
    'https://example.com:a/',
    'https://[::1',
    'https://1.2.3.4.5/',
    'https://exa"mple.com/',
    'https://exa{mple}.com/',
    'https://exa%2fmple.com/',
    `${longest}a`,
    `https://example.com/${'写'.repeat(300)}`,
  ]);

  behavesLikeAValueObject(AvatarUrl, url);
});
