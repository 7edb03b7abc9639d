import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { cloudEvent } from '../../../application/feed/cloud-event.ts';
import type { Api } from '../dependencies.ts';
import { asksFresh, IF_NONE_MATCH, parseIfNoneMatch } from '../http/headers.ts';
import { checkUserId, userIdOf, userIdParams } from '../http/user-id.ts';
import { etag, userResponse } from '../schemas/command.ts';
import { eventSchema } from '../schemas/event.ts';
import { patternOf } from '../schemas/pattern.ts';
import { problemResponses } from '../schemas/problem.ts';
import { TASK_ID, taskSchema, taskView } from '../schemas/task.ts';
import { userBytes } from '../schemas/user.ts';
import { largePages, limitOf, nextCursor, pageParameters, pageResponse, placeOf } from './paging.ts';

type HistoryQuery = { sort?: 'version' | '-version'; limit?: string; cursor?: string };

const noQuery = { type: 'object', properties: {}, additionalProperties: false };
const refusedEverywhere = ['malformed-request', 'validation-failed', 'starting', 'store-unavailable', 'store-busy', 'overloaded'] as const;
const refusedOfUser = [...refusedEverywhere, 'invalid-user-id', 'user-not-found', 'user-deleted', 'stream-unreadable'] as const;

export const queryRoutes = (server: FastifyInstance, api: Api): void => {
  server.get<{ Params: { user_id: string } }>('/api/users/:user_id', {
    onRequest: checkUserId,
    schema: {
      summary: 'Get a user',
      description:
        'The user, never older than your own last change, and a second behind changes by others at most; `Cache-Control: no-cache` asks the database. With If-None-Match: 304 where it has not changed.',
      operationId: 'getUser',
      tags: ['Users'],
      params: userIdParams,
      querystring: noQuery,
      headers: Type.Object({
        'If-None-Match': Type.Optional(
          Type.String({ pattern: patternOf(IF_NONE_MATCH), description: 'ETag of an earlier answer, for example `"1"`.' }),
        ),
      }),
      response: {
        200: userResponse('The user.'),
        304: { type: 'null', description: 'Not changed.', headers: etag },
        ...problemResponses(...refusedOfUser, 'invalid-precondition'),
      },
    },
    handler: async (request, reply) => {
      const isKnown = parseIfNoneMatch(request.headers['if-none-match']);
      const fresh = asksFresh(request.headers['cache-control']);
      const stored = await api.getById(userIdOf(request.params.user_id), { fresh });
      reply.header('etag', `"${stored.version}"`);
      return isKnown(stored.version) ? reply.code(304).send() : reply.type('application/json; charset=utf-8').send(userBytes(stored));
    },
  });

  server.get<{ Params: { user_id: string }; Querystring: HistoryQuery }>('/api/users/:user_id/events', {
    config: largePages,
    onRequest: checkUserId,
    schema: {
      summary: "Get a user's history",
      description: 'Every change of the user as a CloudEvent.',
      operationId: 'getUserHistory',
      tags: ['Users'],
      params: userIdParams,
      querystring: Type.Object(
        {
          sort: Type.Optional(
            Type.Unsafe<string>({
              type: 'string',
              enum: ['version', '-version'],
              description: 'Oldest first (the default) or newest first.',
            }),
          ),
          ...pageParameters,
        },
        { additionalProperties: false },
      ),
      response: {
        200: pageResponse('EventPage', eventSchema),
        ...problemResponses(...refusedOfUser, 'invalid-cursor'),
      },
    },
    handler: async (request, reply) => {
      const userId = userIdOf(request.params.user_id);
      const { sort = 'version' } = request.query;
      const scope = `events ${userId}${sort === 'version' ? '' : ` ${sort}`}`;
      const list = { hash: api.hash, scope, path: `/api/users/${userId}/events`, query: request.query };
      const { events, next } = await api.getHistory(userId, { sort, from: placeOf(list), limit: limitOf(request.query.limit) });
      return { items: events.map(cloudEvent), next_cursor: nextCursor(reply, list, next) };
    },
  });

  server.get<{ Params: { task_id: string } }>('/api/users/tasks/:task_id', {
    schema: {
      summary: 'Get the status of an asynchronous operation',
      description: 'The task as it stands.',
      operationId: 'getTask',
      tags: ['Tasks'],
      params: Type.Object({
        task_id: Type.String({ description: 'The id that the 202 answer returned.', pattern: TASK_ID }),
      }),
      querystring: noQuery,
      response: {
        200: { description: 'The task.', content: { 'application/json': { schema: taskSchema } } },
        ...problemResponses(...refusedEverywhere, 'task-not-found'),
      },
    },
    handler: async (request) => taskView(await api.getTask(request.params.task_id)),
  });
};
