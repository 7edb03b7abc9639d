import { Problem } from '../../domain/problem.ts';

const ETAG = /^(W\/)?"([^"]*)"$/;
const VERSION = /^(?:0|[1-9]\d{0,8})$/;

/**
 * The versions of an If-Match header (RFC 9110, 13.1.1), `*`, or null where there is none. A weak tag never matches.
 * @throws Problem invalid-precondition
 */
export const parseIfMatch = (header: string | undefined): readonly number[] | '*' | null => {
  if (header === undefined) return null;
  if (header.trim() === '*') return '*';
  return header.split(',').flatMap((tag) => {
    const [, weak, version] = ETAG.exec(tag.trim()) ?? [];
    if (version === undefined || !VERSION.test(version)) throw new Problem('invalid-precondition');
    return weak ? [] : [Number(version)];
  });
};

/** Whether If-None-Match names this version; tags of others simply do not match (RFC 9110, 13.1.2). */
export const matchesNone = (header: string | undefined, version: number): boolean =>
  header?.split(',').some((tag) => tag.trim() === '*' || ETAG.exec(tag.trim())?.[2] === String(version)) ?? false;

export type Preference = { respondAsync: boolean; waitSeconds: number | null };

/** RFC 7240. What is not understood is ignored, as the RFC says. */
export const parsePrefer = (header: string | undefined): Preference => {
  const tokens = (header ?? '').split(',').map((token) => token.split(';', 1)[0]?.trim().toLowerCase() ?? '');
  const wait = tokens.map((token) => /^wait\s*=\s*"?(\d{1,6})"?$/.exec(token)?.[1]).find((seconds) => seconds !== undefined);
  return { respondAsync: tokens.includes('respond-async'), waitSeconds: wait === undefined ? null : Number(wait) };
};

/**
 * The Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), quoted or bare.
 * @throws Problem invalid-idempotency-key
 */
export const parseIdempotencyKey = (header: string | string[] | undefined): string | null => {
  if (header === undefined) return null;
  const key = typeof header === 'string' ? header.replace(/^"(.*)"$/, '$1') : '';
  if (!/^[\x21-\x7e]{1,255}$/.test(key) || key.includes('"')) throw new Problem('invalid-idempotency-key');
  return key;
};
