import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { type FieldError, Problem } from '../../../domain/problem.ts';
import { isJson, MERGE_PATCH } from './headers.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body is a JSON Merge Patch, and may be named so. */
    mergePatch?: boolean;
  }
}

const MAX_DEPTH = 16;
const MAX_ERRORS = 20;
/** No request has a quarter of them; looking at all of 64 KiB would hold up others. */
const MAX_MEMBERS = 100;
const MAX_KEY = 100;
/** Every string of a JSON text; the second group is there where the string is a key. */
const STRINGS = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

/** A body is JSON, read as below, or refused. */
export const jsonBodies = (server: FastifyInstance): void => {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(['application/json', MERGE_PATCH], { parseAs: 'buffer' }, ({ headers, routeOptions }, body, done) => {
    try {
      if (!isJson(headers['content-type'], routeOptions.config.mergePatch ? [MERGE_PATCH] : []))
        throw new Problem('unsupported-media-type');
      done(null, body.length === 0 ? undefined : parseJsonBody(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
};

/**
 * Reads a JSON body and coerces nothing: no invalid UTF-8, no key twice, no prototype keys, no deep nesting; and no text
 * that a database cannot keep (NUL, lone surrogates).
 * @throws Problem
 */
export const parseJsonBody = (bytes: Buffer): unknown => {
  if (!isUtf8(bytes)) throw new Problem('invalid-utf8');
  const text = bytes.toString('utf8');
  const value = parse(text);
  const seen = { keys: 0, members: 0, errors: [] as FieldError[] };
  walk(value, '', 1, seen);
  // JSON.parse keeps the last of two equal keys, so then the text has more keys than the value.
  let keys = 0;
  for (const [, colon] of text.matchAll(STRINGS)) if (colon !== undefined) keys++;
  if (keys !== seen.keys) throw new Problem('duplicate-key');
  if (seen.errors.length > 0) throw new Problem('validation-failed', { errors: seen.errors });
  return value;
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem('malformed-json', {}, { cause: error });
  }
};

/** A path segment of a JSON Pointer (RFC 6901). A key that a client made up is cut, so that no answer grows with it. */
export const pointerTo = (key: string): string => `/${key.slice(0, MAX_KEY).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')}`;

const walk = (value: unknown, pointer: string, depth: number, seen: { keys: number; members: number; errors: FieldError[] }): void => {
  if (typeof value === 'string') return checkText(value, pointer, seen.errors);
  if (value === null || typeof value !== 'object') return;
  if (depth > MAX_DEPTH) throw new Problem('too-deep');
  seen.members += Array.isArray(value) ? value.length : Object.keys(value).length;
  if (seen.members > MAX_MEMBERS) throw tooMany();
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) walk(item, `${pointer}/${index}`, depth + 1, seen);
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    seen.keys++;
    if (key === '__proto__' || (key === 'constructor' && isObject(item) && Object.hasOwn(item, 'prototype')))
      throw new Problem('malformed-json');
    const childPointer = pointer + pointerTo(key);
    checkText(key, childPointer, seen.errors);
    walk(item, childPointer, depth + 1, seen);
  }
};

/** Bodies and query strings have the same bound. */
export const tooMany = (): Problem =>
  new Problem('validation-failed', {
    errors: [
      { pointer: '', code: 'too-many-fields', detail: `has more than ${MAX_MEMBERS} fields or items, and no request takes so many` },
    ],
  });

export const hasTooMany = (members: object): boolean => Object.keys(members).length > MAX_MEMBERS;

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const checkText = (text: string, pointer: string, errors: FieldError[]): void => {
  if ((text.includes('\0') || !text.isWellFormed()) && errors.length < MAX_ERRORS) {
    errors.push({ pointer, code: 'invalid-characters', detail: 'has a NUL or half a surrogate pair' });
  }
};
