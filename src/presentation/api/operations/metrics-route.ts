import type { FastifyInstance } from 'fastify';
import type { Health } from '../dependencies.ts';
import { problemResponses } from '../schemas/problem.ts';

export const metricsRoute = (server: FastifyInstance, health: Pick<Health, 'metrics'>): void => {
  server.get('/metrics', {
    schema: {
      summary: 'Metrics',
      description: 'Of this process, for Prometheus. Nothing personal: labels are routes, states and codes.',
      operationId: 'getMetrics',
      tags: ['Health'],
      querystring: { type: 'object', properties: {} },
      response: {
        200: { description: 'In the text format of Prometheus.', content: { 'text/plain': { schema: { type: 'string' } } } },
        ...problemResponses('malformed-request'),
      },
    },
    handler: async (_, reply) => reply.type('text/plain; version=0.0.4; charset=utf-8').send(await health.metrics()),
  });
};
