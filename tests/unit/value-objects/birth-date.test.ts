import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BirthDate } from '../../../src/domain/value-objects/birth-date.ts';
import { NOW } from '../../fixtures/given.ts';
import { accepts, behavesLikeAValueObject, parsed, refuses } from '../../fixtures/value-object.ts';

const birthDate = (text: string) => BirthDate(text, NOW);
const nearlyADate = fc
  .tuple(fc.integer({ min: 1890, max: 2030 }), fc.integer({ min: 0, max: 13 }), fc.integer({ min: 0, max: 32 }))
  .map(([year, month, day]) => `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`);

describe('a birth date', () => {
  accepts(birthDate, ['1990-05-21', '1900-01-01', '2026-11-24', '2000-02-29', '2024-02-29', '1999-12-31']);
  refuses(birthDate, 'invalid-date', [
    '',
    '1990-02-30',
    '1900-02-29',
    '2023-02-29',
    '1990-13-01',
    '1990-00-10',
    '1990-01-00',
    '1990-04-31',
    '2024-1-1',
    '90-05-21',
    '1990/05/21',
    '21-05-1990',
    '19900521',
    '1990-05-21T00:00:00Z',
    ' 1990-05-21',
    '1990-05-21\n',
    '+001990-05-21',
    '-001990-05-21',
    '1e9',
    '١٩٩٠-٠٥-٢١',
    '1990-W21-1',
    '1990-141',
  ]);
  refuses(birthDate, 'date-too-early', ['1899-12-31', '0001-01-01', '0000-01-01']);
  refuses(birthDate, 'date-in-future', ['2026-11-25', '2027-01-01', '9999-12-31']);

  behavesLikeAValueObject(birthDate, nearlyADate);

  it('is today from midnight to midnight in UTC', () => {
    const at = (now: string, text: string) => parsed((date) => BirthDate(date, new Date(now)), text);
    expect(at('2026-11-24T00:00:00.000Z', '2026-11-24')).toEqual({ value: '2026-11-24' });
    expect(at('2026-11-24T23:59:59.999Z', '2026-11-24')).toEqual({ value: '2026-11-24' });
    expect(at('2026-11-23T23:59:59.999Z', '2026-11-24')).toEqual({ refused: 'date-in-future' });
  });
});
