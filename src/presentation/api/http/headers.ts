import { Problem } from '../../../domain/problem.ts';

/** What every answer has, whoever makes it. */
export const commonHeaders = (requestId: string) => ({
  'x-request-id': requestId,
  'x-content-type-options': 'nosniff',
  'cache-control': 'private, no-cache',
});

const ETAG = /(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/g;
const VERSION = /^(?:0|[1-9]\d{0,8})$/;

type Tag = { weak: boolean; opaque: string };

/** `*`, or the entity tags of a list (RFC 9110, 8.8.3). @throws Problem invalid-precondition */
const parseTags = (header: string): readonly Tag[] | '*' => {
  if (header.trim() === '*') return '*';
  const tags = [...header.matchAll(ETAG)].map(([, weak, opaque]) => ({ weak: weak !== undefined, opaque: opaque ?? '' }));
  if (tags.length === 0 || /[^\s,]/.test(header.replace(ETAG, ''))) throw new Problem('invalid-precondition');
  return tags;
};

/**
 * The versions of an If-Match header (RFC 9110, 13.1.1), `*`, or null where there is none. A weak tag never matches.
 * @throws Problem invalid-precondition
 */
export const parseIfMatch = (header: string | undefined): readonly number[] | '*' | null => {
  if (header === undefined) return null;
  const tags = parseTags(header);
  if (tags === '*') return '*';
  if (!tags.every(({ opaque }) => VERSION.test(opaque))) throw new Problem('invalid-precondition');
  return tags.filter(({ weak }) => !weak).map(({ opaque }) => Number(opaque));
};

/**
 * Whether an If-None-Match header names a version; tags of others simply do not match (RFC 9110, 13.1.2).
 * @throws Problem invalid-precondition
 */
export const parseIfNoneMatch = (header: string | undefined): ((version: number) => boolean) => {
  const tags = header === undefined ? [] : parseTags(header);
  return (version) => tags === '*' || tags.some(({ opaque }) => opaque === String(version));
};

export type Preference = { respondAsync: boolean; waitSeconds: number | null };

/** RFC 7240. What is not understood is ignored, as the RFC says. */
export const parsePrefer = (header: string | undefined): Preference => {
  const tokens = (header ?? '').split(',').map((token) => token.split(';', 1)[0]?.trim().toLowerCase() ?? '');
  const wait = tokens.map((token) => /^wait\s*=\s*"?(\d+)"?$/.exec(token)?.[1]).find((seconds) => seconds !== undefined);
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
