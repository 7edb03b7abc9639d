import { Problem } from '../../../domain/problem.ts';

/** What every answer has, whoever makes it. */
export const commonHeaders = (requestId: string) => ({
  'x-request-id': requestId,
  'x-content-type-options': 'nosniff',
  'cache-control': 'private, no-cache',
});

/**
 * The elements of a list, or an element and its parameters; a separator within quotes is none (RFC 9110, 5.6). Empty ones
 * are left out. In entity tags a backslash is a character like any other (8.8.3).
 */
const split = (header: string, separator: ',' | ';', { escapes = true } = {}): string[] => {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let index = 0; index < header.length; index++) {
    const character = header[index];
    if (character === '"') quoted = !quoted;
    else if (character === '\\' && quoted && escapes) index++;
    else if (character === separator && !quoted) {
      parts.push(header.slice(start, index).trim());
      start = index + 1;
    }
  }
  parts.push(header.slice(start).trim());
  return parts.filter((part) => part !== '');
};

const PARAMETER = /^([!#$%&'*+.^`|~\w-]+)(?:[ \t]*=[ \t]*(?:([!#$%&'*+.^`|~\w-]+)|"((?:[^"\\]|\\.)*)"))?$/;

/** A name and its value, which may be quoted and is empty where there is none; null where it is something else. */
const parameterOf = (part = ''): { name: string; value: string } | null => {
  const [, name, token, quoted = ''] = PARAMETER.exec(part) ?? [];
  return name === undefined ? null : { name: name.toLowerCase(), value: token ?? quoted.replace(/\\(.)/g, '$1') };
};

const ETAG = /^(?:W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/;
const VERSION = /^(?:0|[1-9]\d{0,8})$/;
const CODING = /(?:--?|;)(?:gzip|deflate|br|zstd)$/;

/** A regular expression without its anchors, to be part of another. */
const part = ({ source }: RegExp): string => source.replace(/^\^|\$$/g, '');
const listOf = (element: string): string => `${element}(?:[ \\t]*,[ \\t]*${element})*`;

/** What the readers below take, as far as one pattern says it: for the documentation, and held against them by a test. */
export const IF_MATCH = new RegExp(`^(?:\\*|${listOf(`(?:W/)?"${part(VERSION)}(?:${part(CODING)})?"`)})$`);
export const IF_NONE_MATCH = new RegExp(`^(?:\\*|${listOf(part(ETAG))})$`);
export const PREFER = new RegExp(`^${listOf(part(PARAMETER))}$`);
export const IDEMPOTENCY_KEY = /^(?:[!#-~]{1,255}|"(?:[!#-\x5b\x5d-~]|\\["\\]){1,255}")$/;

/**
 * `*`, or what the entity tags of a list say (RFC 9110, 8.8.3), as far as it is ours. A proxy that compresses answers changes
 * the tag: nginx makes "3" W/"3", Apache "3-gzip", Jetty "3--gzip". A weak tag never holds in If-Match by the RFC (13.1.1),
 * because it may stand for other bytes; but our tag is the version of a user, which is the same in any coding, and a client
 * behind such a proxy has no other: taken strictly, each of its changes would be refused for ever.
 * @throws Problem invalid-precondition
 */
const parseTags = (header: string): readonly string[] | '*' => {
  if (header.trim() === '*') return '*';
  const tags = split(header, ',', { escapes: false }).map((part) => ETAG.exec(part)?.[1]?.replace(CODING, ''));
  if (tags.length === 0 || tags.includes(undefined)) throw new Problem('invalid-precondition');
  return tags as string[];
};

/**
 * The versions of an If-Match header, `*`, or null where there is none.
 * @throws Problem invalid-precondition
 */
export const parseIfMatch = (header: string | undefined): readonly number[] | '*' | null => {
  if (header === undefined) return null;
  const tags = parseTags(header);
  if (tags === '*') return '*';
  if (!tags.every((tag) => VERSION.test(tag))) throw new Problem('invalid-precondition');
  return tags.map(Number);
};

/**
 * Whether an If-None-Match header names a version; tags of others simply do not match (RFC 9110, 13.1.2).
 * @throws Problem invalid-precondition
 */
export const parseIfNoneMatch = (header: string | undefined): ((version: number) => boolean) => {
  const tags = header === undefined ? [] : parseTags(header);
  return (version) => tags === '*' || tags.includes(String(version));
};

export type Preference = { respondAsync: boolean; waitSeconds: number | null };

/** RFC 7240. Of a preference that is named twice the first one counts; what is not understood is ignored, as the RFC says. */
export const parsePrefer = (header = ''): Preference => {
  const preferences = new Map<string, string>();
  for (const element of split(header, ',')) {
    const preference = parameterOf(split(element, ';')[0]);
    if (preference && !preferences.has(preference.name)) preferences.set(preference.name, preference.value);
  }
  const wait = preferences.get('wait') ?? '';
  return { respondAsync: preferences.get('respond-async') === '', waitSeconds: /^\d+$/.test(wait) ? Number(wait) : null };
};

/** Whether a Cache-Control header asks for what no cache has (RFC 9111, 5.2.1.4). */
export const asksFresh = (header = ''): boolean => split(header, ',').some((part) => parameterOf(part)?.name === 'no-cache');

/** JSON Merge Patch (RFC 7396). */
export const MERGE_PATCH = 'application/merge-patch+json';

/** Whether a Content-Type is JSON in UTF-8, or one of `others`. JSON has no parameters (RFC 8259, 11), but many clients name the charset. */
export const isJson = (header = '', others: readonly string[] = []): boolean => {
  const [type = '', ...parameters] = split(header, ';');
  return (
    ['application/json', ...others].includes(type.toLowerCase()) &&
    parameters.map(parameterOf).every((one) => one?.name === 'charset' && one.value.toLowerCase() === 'utf-8')
  );
};

/** A string of a structured field (RFC 9651, 3.3.3). */
const STRING = /^"((?:[^"\\]|\\["\\])*)"$/;

/**
 * The Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), a string with or without parameters, or bare.
 * @throws Problem invalid-idempotency-key
 */
export const parseIdempotencyKey = (header: string | string[] | undefined): string | null => {
  if (header === undefined) return null;
  const text = typeof header === 'string' ? header : '';
  const [item = '', ...parameters] = text.startsWith('"') ? split(text, ';') : [text];
  const string = STRING.exec(item)?.[1]?.replace(/\\(.)/g, '$1');
  const key = string ?? (item.includes('"') ? '' : item);
  if (!/^[\x21-\x7e]{1,255}$/.test(key) || parameters.map(parameterOf).includes(null)) throw new Problem('invalid-idempotency-key');
  return key;
};
