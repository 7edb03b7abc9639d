import type { FastifyReply, FastifyRequest } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { closed, orNull } from '../../../application/commands/fields.ts';
import { patternOf } from '../schemas/pattern.ts';
import { CURSOR, readCursor, signCursor } from './cursor.ts';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
/** As much as a user or an event may have, and some of what it is made from. */
const ITEM_BYTES = 8 * 1024;

/** The query parameters of every list. */
export const pageParameters = {
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_LIMIT,
      default: DEFAULT_LIMIT,
      format: 'int32',
      description: `Items on a page, 1 to ${MAX_LIMIT}.`,
    }),
  ),
  cursor: Type.Optional(Type.String({ pattern: patternOf(CURSOR), description: 'next_cursor of the page before, with the same filters.' })),
};

/** OpenAPI response of a page: `items`, `next_cursor` and what else there is. */
export const pageResponse = (title: string, items: TSchema, more: Record<string, TSchema> = {}) => ({
  description: 'A page.',
  headers: { Link: { type: 'string', description: 'The next page, rel="next"; left out on the last one.' } },
  content: {
    'application/json': {
      schema: closed(
        { ...more, items: Type.Array(items), next_cursor: orNull(Type.String({ description: 'null on the last page.' })) },
        { title },
      ),
    },
  },
});

/** Of the parameter that the schema above has let pass. */
export const limitOf = (text: string | undefined): number => Number(text ?? DEFAULT_LIMIT);

/** For a route's `config`. */
export const largePages = {
  answerBytes: ({ query }: FastifyRequest): number => limitOf((query as { limit?: string }).limit) * ITEM_BYTES,
};

type List = {
  hash: (text: string) => string;
  /** What a cursor is bound to: the list and its filters. */
  scope: string;
  path: string;
  query: Record<string, string | undefined>;
};

/** The place that the request's cursor holds, or null for the first page. @throws Problem invalid-cursor */
export const placeOf = ({ hash, scope, query: { cursor } }: List): number | null =>
  cursor === undefined ? null : Number(readCursor(hash, scope, cursor));

/** The cursor to the page that begins at `next`, also as a Link header (RFC 8288); null where there is none. */
export const nextCursor = (reply: FastifyReply, { hash, scope, path, query }: List, next: number | null): string | null => {
  if (next === null) return null;
  const cursor = signCursor(hash, scope, String(next));
  const given = Object.entries({ ...query, cursor }).filter((entry): entry is [string, string] => entry[1] !== undefined);
  reply.header('link', `<${path}?${new URLSearchParams(given)}>; rel="next"`);
  return cursor;
};
