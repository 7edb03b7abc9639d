import { timingSafeEqual } from 'node:crypto';
import { Problem } from '../../../domain/problem.ts';

type Hash = (text: string) => string;

const SIGNATURE_LENGTH = 22; // 132 bits of the keyed hash

/** What a cursor looks like; the last part is a place, a decimal number. */
export const CURSOR = new RegExp(`^[A-Za-z0-9_-]{${SIGNATURE_LENGTH + 2},${SIGNATURE_LENGTH + 22}}$`);

const signature = (hash: Hash, scope: string, place: string): string => hash(`cursor\n${scope}\n${place}`).slice(0, SIGNATURE_LENGTH);

/** An opaque place in a list. It is bound to `scope`: the list and its filters. */
export const signCursor = (hash: Hash, scope: string, place: string): string =>
  signature(hash, scope, place) + Buffer.from(place).toString('base64url');

/** @throws Problem invalid-cursor */
export const readCursor = (hash: Hash, scope: string, cursor: string): string => {
  const place = Buffer.from(cursor.slice(SIGNATURE_LENGTH), 'base64url').toString('utf8');
  const given = Buffer.from(cursor);
  // The whole text and not only its signature: several texts decode to one place.
  const expected = Buffer.from(signCursor(hash, scope, place));
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new Problem('invalid-cursor', {
      errors: [{ pointer: '/cursor', code: 'invalid-cursor', detail: 'is not a cursor of this list' }],
    });
  }
  return place;
};
