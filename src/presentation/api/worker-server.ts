import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { Problem } from '../../domain/problem.ts';
import type { Health } from './dependencies.ts';
import { handleError, sendProblem } from './http/problems.ts';
import { RequestLog } from './http/request-log.ts';
import { healthRoutes } from './operations/health-routes.ts';
import { metricsRoute } from './operations/metrics-route.ts';

/** What a lone worker serves: its health and its metrics, and nothing of users. */
export const buildWorkerServer = (health: Health, log: FastifyBaseLogger): FastifyInstance => {
  const server = Fastify({ loggerInstance: log, logController: new RequestLog(health), return503OnClosing: false });
  server.setErrorHandler(handleError);
  server.setNotFoundHandler((_, reply) => sendProblem(reply, new Problem('not-found')));
  server.setValidatorCompiler(() => () => true);
  server.setSerializerCompiler(() => JSON.stringify);
  healthRoutes(server, health);
  metricsRoute(server, health);
  return server;
};
