import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openPersonal, sealPersonal } from '../../src/infrastructure/persistence/event-store/personal-data.ts';

const stored = (value: unknown) => Buffer.from(sealPersonal(value), 'base64');

describe('personal data at rest', () => {
  it('comes back as it went in', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        expect(openPersonal(stored(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('names its scheme in the first byte', () => expect(stored({ bio: 'Hi' })[0]).toBe(0));

  it('reads as nothing when there is none', () => expect(openPersonal(null)).toBeUndefined());

  it('reads as nothing when the scheme is one of a later release', () => {
    expect(openPersonal(Buffer.from([1, 2, 3]))).toBeUndefined();
    expect(openPersonal(Buffer.from([]))).toBeUndefined();
  });

  it('is refused where it is not what is written there, without a word of it', () => {
    for (const text of ['', '{"bio": "secret', '"secret"', 'null', '\xFF']) {
      expect(() => openPersonal(Buffer.from(`\0${text}`))).toThrow(/^a personal part in the database is not what was written there$/);
    }
  });

  it('reads bytes that are part of a larger buffer', () => {
    const whole = Buffer.concat([Buffer.from('before'), stored({ bio: 'é' }), Buffer.from('after')]);
    expect(openPersonal(new Uint8Array(whole.buffer, whole.byteOffset + 6, whole.length - 11))).toEqual({ bio: 'é' });
  });
});
