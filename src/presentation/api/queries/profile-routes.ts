import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { UserId } from '../../../domain/value-objects/user-id.ts';
import type { Api } from '../dependencies.ts';
import { checkUserId, userIdOf, userIdParams } from '../http/user-id.ts';
import { problemResponses } from '../schemas/problem.ts';
import { profileSchema, viewerSchema, viewerView } from '../schemas/profile.ts';
import { limitOf, nextCursor, pageParameters, pageResponse, placeOf } from './paging.ts';

const refuses = [
  'malformed-request',
  'invalid-user-id',
  'user-not-found',
  'stream-unreadable',
  'user-deleted',
  'validation-failed',
  'starting',
  'store-unavailable',
  'store-busy',
  'overloaded',
] as const;

export const profileRoutes = (server: FastifyInstance, api: Api): void => {
  server.get<{ Params: { user_id: string }; Querystring: { viewer_id?: string } }>('/api/users/:user_id/profile', {
    onRequest: checkUserId,
    schema: {
      summary: 'Get a profile as somebody sees it',
      description:
        "The profile under its owner's privacy settings, for the owner, for another active user or, without `viewer_id`, for anybody. " +
        'What may not be seen is null; a profile that may not be seen at all is 404.',
      operationId: 'getProfile',
      tags: ['Profiles'],
      params: userIdParams,
      querystring: Type.Object(
        { viewer_id: Type.Optional(Type.String({ format: 'uuid', description: 'Who looks.' })) },
        { additionalProperties: false },
      ),
      response: {
        200: { description: 'The profile.', content: { 'application/json': { schema: profileSchema } } },
        ...problemResponses(...refuses),
      },
    },
    handler: (request) => {
      const { viewer_id } = request.query;
      return api
        .getProfile(userIdOf(request.params.user_id), viewer_id === undefined ? null : UserId(viewer_id))
        .then(({ shows_profile_views: _, ...profile }) => profile);
    },
  });

  server.get<{ Params: { user_id: string }; Querystring: { limit?: string; cursor?: string } }>('/api/users/:user_id/profile-views', {
    onRequest: checkUserId,
    schema: {
      summary: 'Get views and recent viewers of a profile',
      description: 'The exact count of views, and who viewed, latest first, each viewer once. Deleted viewers are not listed.',
      operationId: 'listProfileViews',
      tags: ['Profiles'],
      params: userIdParams,
      querystring: Type.Object(pageParameters, { additionalProperties: false }),
      response: {
        200: pageResponse('ProfileViewPage', viewerSchema, {
          count: Type.Integer({ minimum: 0, format: 'int64', description: 'Views that counted.' }),
        }),
        ...problemResponses(...refuses, 'invalid-cursor'),
      },
    },
    handler: async (request, reply) => {
      const userId = userIdOf(request.params.user_id);
      const limit = limitOf(request.query.limit);
      const list = { hash: api.hash, scope: `profile-views ${userId}`, path: `/api/users/${userId}/profile-views`, query: request.query };
      const { count, viewers, next } = await api.getProfileViews(userId, placeOf(list), limit);
      return { count, items: viewers.map(viewerView), next_cursor: nextCursor(reply, list, next) };
    },
  });
};
