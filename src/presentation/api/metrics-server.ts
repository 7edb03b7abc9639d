import type { FastifyInstance } from 'fastify';
import type { Health } from './dependencies.ts';
import { baseServer, type ServerOptions } from './http/base-server.ts';
import { metricsRoute } from './operations/metrics-route.ts';

/** The metrics on a port of their own, so that what collects them reaches nothing else. */
export const buildMetricsServer = (health: Health, options: ServerOptions): Promise<FastifyInstance> =>
  baseServer(health, options, (server) => {
    server.setValidatorCompiler(() => () => true);
    metricsRoute(server, health);
  });
