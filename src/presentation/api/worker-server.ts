import type { FastifyInstance } from 'fastify';
import type { Health } from './dependencies.ts';
import { baseServer, type ServerOptions } from './http/base-server.ts';
import { healthRoutes } from './operations/health-routes.ts';
import { metricsRoute } from './operations/metrics-route.ts';
import { problemPages } from './operations/problem-pages.ts';

/** What a lone worker serves: its health, its metrics and what its refusals mean, and nothing of users. */
export const buildWorkerServer = (health: Health, options: ServerOptions): Promise<FastifyInstance> =>
  baseServer(health, options, (server) => {
    server.setValidatorCompiler(() => () => true);
    healthRoutes(server, health);
    if (!options.metricsElsewhere) metricsRoute(server, health);
    problemPages(server);
  });
