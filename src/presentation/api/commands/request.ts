import type { FastifyRequest } from 'fastify';
import { Problem } from '../../../domain/problem.ts';
import { parseIdempotencyKey, parseIfMatch, parsePrefer } from '../http/headers.ts';

/** @throws Problem where a header cannot be read */
export const parseHead = (headers: FastifyRequest['headers']) => ({
  prefer: parsePrefer(headers.prefer as string | undefined),
  key: parseIdempotencyKey(headers['idempotency-key']),
  ifMatch: parseIfMatch(headers['if-match']),
});

/** The query form: for commands that take one new value and nothing else. */
export const singleValue = (names: string[]): string | undefined =>
  names.length === 1 && names[0]?.startsWith('new_') ? names[0] : undefined;

/** What the command is given: the body, or the one value from the query string. @throws Problem query-and-body, malformed-json */
export const bodyOf = (body: unknown, query: Record<string, unknown>, single: string | undefined, needsBody: boolean): unknown => {
  if (single !== undefined && single in query) {
    if (body === undefined) return { [single]: query[single] };
    const detail = 'is in the query string, so there must be no body';
    throw new Problem('query-and-body', { errors: [{ pointer: `/${single}`, code: 'query-and-body', detail }] });
  }
  if (body === undefined && needsBody && single === undefined) throw new Problem('malformed-json', { detail: 'a JSON body is required' });
  return body === undefined ? {} : body;
};

/** The same text for the same JSON value, whatever the order of its keys. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, item) =>
    item !== null && typeof item === 'object' && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
