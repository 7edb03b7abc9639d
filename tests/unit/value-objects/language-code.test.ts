import fc from 'fast-check';
import { describe } from 'vitest';
import { LanguageCode } from '../../../src/domain/value-objects/language-code.ts';
import { accepts, behavesLikeAValueObject, refuses } from '../../fixtures/value-object.ts';

const tag = fc
  .array(
    fc.constantFrom(
      'en',
      'zh',
      'sh',
      'EN',
      'Latn',
      'hant',
      'us',
      '419',
      'XK',
      'x',
      'u',
      'ca',
      'gregory',
      '1996',
      'valencia',
      'hy',
      'arevela',
    ),
    {
      minLength: 1,
      maxLength: 8,
    },
  )
  .map((parts) => parts.join('-'));

describe('a language code', () => {
  accepts(LanguageCode, [
    'en',
    'ru',
    'ckb',
    'tok',
    'und',
    'pt-BR',
    'es-419',
    'en-150',
    'sq-XK',
    'zh-Hant-TW',
    'sr-Latn-RS',
    'uz-Cyrl',
    'ca-valencia',
    'de-1996',
    'be-tarask',
    'de-DE-u-co-phonebk',
    'en-x-twain',
    // Valid although the script goes without saying.
    'en-Latn',
    'ru-Cyrl-RU',
    'ja-Jpan',
    ['EN', 'en'],
    ['en-us', 'en-US'],
    ['ZH-HANT-tw', 'zh-Hant-TW'],
    ['iw', 'he'],
    ['sh', 'sr-Latn'],
    ['en-UK', 'en-GB'],
  ]);

  refuses(LanguageCode, 'invalid-language', [
    '',
    'e',
    'xx',
    'english',
    'en_US',
    'en-',
    '-en',
    'en--US',
    ' en',
    'en\n',
    'en-en',
    'en-US-GB',
    'en-US-Latn',
    'en-1996-1996',
    'xx-XXXXX',
    'en-XXXXX',
    'en-Xxxx',
    'en-US-posix2',
    'zz-ZZ',
    'x',
    'de-x',
    '*',
    '__proto__',
    'constructor',
    'toString',
    'valueOf',
    'en-toString',
    'еn',
    'en\u0000',
    `en-x-${'a'.repeat(31)}`,
    `sh-x-${'abcdefgh-'.repeat(3)}abc`,
  ]);

  behavesLikeAValueObject(LanguageCode, tag);
});
