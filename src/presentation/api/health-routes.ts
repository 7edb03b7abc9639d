import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Api } from './dependencies.ts';
import { problemResponses } from './schemas/problem.ts';

const noQuery = { type: 'object', properties: {} };
const health = Type.Object({
  status: Type.Unsafe<string>({ type: 'string', enum: ['ok', 'degraded'] }),
  checks: Type.Object({ store: Type.Unsafe<string>({ type: 'string', enum: ['ok', 'unavailable'] }) }),
});
const json = (description: string, schema: object) => ({ description, content: { 'application/json': { schema } } });
const malformed = problemResponses('malformed-request');

export const healthRoutes = (server: FastifyInstance, api: Api): void => {
  const isReady = (): Promise<boolean> =>
    api.checkReady().then(
      () => true,
      () => false,
    );

  server.get('/health', {
    schema: {
      summary: 'Health',
      description: 'How the process and what it depends on are doing. Answers 200 as long as the process runs.',
      operationId: 'health',
      tags: ['Health'],
      querystring: noQuery,
      response: { 200: json('The state.', health), ...malformed },
    },
    handler: async () =>
      (await isReady()) ? { status: 'ok', checks: { store: 'ok' } } : { status: 'degraded', checks: { store: 'unavailable' } },
  });

  server.get('/health/live', {
    schema: {
      summary: 'Liveness',
      description: 'Answers as long as the process runs; asks nothing else.',
      operationId: 'health_live',
      tags: ['Health'],
      querystring: noQuery,
      response: { 200: json('Alive.', Type.Object({ status: Type.Literal('ok') })), ...malformed },
    },
    handler: () => Promise.resolve({ status: 'ok' }),
  });

  server.get('/health/ready', {
    schema: {
      summary: 'Readiness',
      description: 'Whether requests should be sent here: 503 while the store is away or the process is stopping.',
      operationId: 'health_ready',
      tags: ['Health'],
      querystring: noQuery,
      response: {
        200: json('Ready.', health),
        ...malformed,
        ...problemResponses('store-unavailable', 'shutting-down'),
      },
    },
    handler: async () => {
      await api.checkReady();
      return { status: 'ok', checks: { store: 'ok' } };
    },
  });
};
