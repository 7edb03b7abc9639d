import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import * as field from '../../../application/commands/fields.ts';
import type { UserStatus } from '../../../domain/value-objects/user-status.ts';
import type { Api } from '../dependencies.ts';
import { restorePlus } from '../http/plus-sign.ts';
import { patternOf } from '../schemas/pattern.ts';
import { problemResponses } from '../schemas/problem.ts';
import { userSchema, userStatus, userView } from '../schemas/user.ts';
import { largePages, limitOf, nextCursor, pageParameters, pageResponse, placeOf } from './paging.ts';

type Query = {
  email?: string;
  phone?: string;
  status?: UserStatus;
  q?: string;
  created_after?: string;
  sort?: 'created_at' | '-created_at';
  limit?: string;
  cursor?: string;
};

export const listRoutes = (server: FastifyInstance, api: Api): void => {
  server.get<{ Querystring: Query }>('/api/users', {
    config: largePages,
    schema: {
      summary: 'List and search users',
      description:
        'Pages of users in the order in which they were created, latest first. Filters combine. Deleted users are listed only with `status=deleted`. ' +
        'What `q` finds may be a second behind; users who do not allow search are not found by it.',
      operationId: 'listUsers',
      tags: ['Users'],
      querystring: Type.Object(
        {
          email: Type.Optional(withoutExamples(field.email)),
          phone: Type.Optional(withoutExamples(field.phone)),
          status: Type.Optional(Type.Unsafe<string>({ ...userStatus, description: 'Only users in this state.' })),
          q: Type.Optional(
            Type.String({
              maxLength: 254,
              pattern: patternOf(ENOUGH),
              description:
                'The beginning of words of a name, in any order, without regard to case and accents; of an email address; of a phone number ' +
                'with country code, with or without + and separators; of a user id, from 8 characters on.',
            }),
          ),
          created_after: Type.Optional(Type.String({ format: 'date-time', description: 'Only users created after this time (RFC 3339).' })),
          sort: Type.Optional(
            Type.Unsafe<string>({
              type: 'string',
              enum: ['-created_at', 'created_at'],
              description: 'Latest first (the default) or oldest first.',
            }),
          ),
          ...pageParameters,
        },
        { additionalProperties: false },
      ),
      response: {
        200: pageResponse('UserPage', userSchema),
        ...problemResponses(
          'malformed-request',
          'validation-failed',
          'invalid-cursor',
          'starting',
          'store-unavailable',
          'store-busy',
          'overloaded',
        ),
      },
    },
    preValidation: async ({ query }) => {
      restorePlus(query, 'email', 'phone');
      // The + of an offset, and of a number that is searched for, arrives as a space too.
      if (typeof query.q === 'string') query.q = query.q.replace(/^ (?=\d[\d ().-]*$)/, '+');
      if (typeof query.created_after === 'string') query.created_after = query.created_after.replace(' ', '+');
    },
    handler: async (request, reply) => {
      const { cursor: _, limit: limitText, created_after, sort = '-created_at', ...filters } = request.query;
      const limit = limitOf(limitText);
      const scope = `users ${JSON.stringify([filters.email, filters.phone, filters.status, filters.q, created_after, sort])}`;
      const list = { hash: api.hash, scope, path: '/api/users', query: request.query };
      const { users, next } = await api.listUsers({
        ...filters,
        sort,
        limit,
        // Nobody was created before 1970, and databases do not agree about the year 0.
        created_after: created_after === undefined ? undefined : new Date(Math.max(0, Date.parse(created_after.toUpperCase()))),
        from: placeOf(list),
      });
      return { items: users.map(userView), next_cursor: nextCursor(reply, list, next) };
    },
  });
};

/** Two characters that are no spaces, or one that may be a name: what is searched for as far as a pattern says it. */
const ENOUGH = /^\s*(?:[^\s\x00][^\x00]*[^\s\x00]|[㐀-䶿一-鿿가-힣])\s*$/;

/** /docs would send an example as a filter. */
const withoutExamples = <S extends object>({ examples: _, ...schema }: S & { examples?: unknown }) => Type.Unsafe<string>(schema);
