import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Health, HealthReport } from '../dependencies.ts';
import { problemResponses } from '../schemas/problem.ts';

const noQuery = { type: 'object', properties: {} };
const oneOf = (...values: string[]) => Type.Unsafe<string>({ type: 'string', enum: values });
const state = oneOf('ok', 'lagging', 'unavailable');
const storeState = oneOf('ok', 'read-only', 'busy', 'unavailable');
const report = Type.Object(
  {
    status: oneOf('ok', 'degraded'),
    checks: Type.Object(
      {
        store: storeState,
        cache: Type.Optional(state),
        events: Type.Optional(oneOf('ok', 'lagging', 'drops-unread', 'unavailable')),
        relay: Type.Optional(oneOf('ahead-of-log')),
        tasks: Type.Optional(state),
      },
      {
        title: 'HealthChecks',
        description:
          'The database, `read-only` or `busy` where it answers and takes no changes; and, where they are configured, Redis, the published ' +
          'events and the task queue. `lagging`: an event has waited for over 5 seconds, or a task has been due for over 30; ' +
          '`drops-unread`: the stream is set to drop what a consumer has not read. `relay` is there only while nothing is published ' +
          'because the stream is ahead of the log; without a task queue, `tasks` only while a task waits for a worker.',
      },
    ),
  },
  { title: 'HealthReport' },
);
const json = (description: string, schema: object) => ({ description, content: { 'application/json': { schema } } });
const malformed = problemResponses('malformed-request');

const withStatus = (health: HealthReport) => ({
  status: Object.values(health.checks).every((check) => check === 'ok') ? 'ok' : 'degraded',
  ...health,
});

export const healthRoutes = (server: FastifyInstance, health: Health): void => {
  server.get('/health', {
    schema: {
      summary: 'Health',
      description: 'How the process and what it depends on are doing. Answers 200 as long as the process runs.',
      operationId: 'getHealth',
      tags: ['Health'],
      querystring: noQuery,
      response: { 200: json('The state.', report), ...malformed },
    },
    handler: async () => withStatus(await health.health()),
  });

  server.get('/health/live', {
    schema: {
      summary: 'Liveness',
      description: 'Answers as long as the process runs; asks nothing else.',
      operationId: 'getLiveness',
      tags: ['Health'],
      querystring: noQuery,
      response: { 200: json('Alive.', Type.Object({ status: Type.Literal('ok') }, { title: 'Liveness' })), ...malformed },
    },
    handler: () => Promise.resolve({ status: 'ok' }),
  });

  server.get('/health/ready', {
    schema: {
      summary: 'Readiness',
      description:
        'Whether requests should be sent here: 503 while the process is starting or stopping or the store is away. Without Redis or NATS, or where the store takes no changes, it is degraded, and ready.',
      operationId: 'getReadiness',
      tags: ['Health'],
      querystring: noQuery,
      response: {
        200: json('Ready.', report),
        ...malformed,
        ...problemResponses('starting', 'store-unavailable', 'shutting-down'),
      },
    },
    handler: async () => {
      await health.checkReady();
      return withStatus(await health.health());
    },
  });
};
