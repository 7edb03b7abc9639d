import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { Problem } from '../../domain/problem.ts';
import type { Health } from './dependencies.ts';
import { healthRoutes } from './health-routes.ts';
import { metricsRoute } from './metrics-route.ts';
import { handleError, sendProblem } from './problems.ts';
import { RequestLog } from './request-log.ts';

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
