import type { Socket } from 'node:net';
import cors from '@fastify/cors';
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { Problem } from '../../domain/problem.ts';
import type { Api } from './dependencies.ts';
import { docs } from './docs.ts';
import { healthRoutes } from './health-routes.ts';
import { parseJsonBody } from './json-body.ts';
import { methodNotAllowed } from './method-not-allowed.ts';
import { problemPages } from './problem-pages.ts';
import { handleError, problemDocument, sendProblem } from './problems.ts';
import { queryRoutes } from './query-routes.ts';
import { RequestLog } from './request-log.ts';
import { userRoutes } from './user-routes.ts';
import { validator } from './validation.ts';

const BODY_LIMIT = 64 * 1024;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;
const REQUEST_ID = /^[\w.:-]{1,128}$/;

type Options = { log: FastifyBaseLogger; version: string; allowedOrigins: string[]; newRequestId: () => string };

export const buildServer = async (api: Api, { log, version, allowedOrigins, newRequestId }: Options): Promise<FastifyInstance> => {
  const server = Fastify({
    loggerInstance: log,
    logController: new RequestLog({ disableRequestLogging: true }),
    // While the process stops, connections that are open are served to the end.
    return503OnClosing: false,
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 16_384 },
    genReqId: ({ headers }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : newRequestId();
    },
    frameworkErrors: (_, request, reply) => {
      const code = request.url.startsWith('/api/users/') ? 'invalid-user-id' : 'malformed-request';
      sendProblem(reply.header('x-request-id', request.id), new Problem(code));
    },
    clientErrorHandler: refuseOnSocket,
  });

  const ajv = validator(api.now);
  server.setValidatorCompiler(({ schema }) => ajv.compile(schema as object));
  // Responses are made by views whose shape the tests hold against the schemas; V8 writes them as they are.
  server.setSerializerCompiler(() => JSON.stringify);
  server.setErrorHandler(handleError);
  server.setNotFoundHandler((_, reply) => sendProblem(reply, new Problem('not-found')));

  server.removeAllContentTypeParsers();
  server.addContentTypeParser(/^application\/json(?:\s*;\s*charset\s*=\s*"?utf-8"?)?\s*$/i, { parseAs: 'buffer' }, (_, body, done) => {
    try {
      done(null, body.length === 0 ? undefined : parseJsonBody(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });

  server.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff');
    if (request.raw.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length > 1)
      throw new Problem('malformed-request');
    if (request.headers['content-encoding'] !== undefined) throw new Problem('unsupported-media-type');
    if (!decodable(request.url)) throw new Problem('malformed-request');
    if (!request.url.startsWith('/api/')) return;
    reply.header('cache-control', 'private, no-cache');
    if (api.state() === 'starting') throw new Problem('store-unavailable');
    if (api.state() === 'stopping') reply.header('connection', 'close');
  });

  if (allowedOrigins.length > 0) {
    await server.register(cors, {
      origin: allowedOrigins,
      methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
      exposedHeaders: ['ETag', 'Location', 'Link', 'Retry-After', 'X-Request-Id', 'Idempotent-Replayed', 'Preference-Applied'],
    });
  }
  const refuseOtherMethods = methodNotAllowed(server);
  await docs(server, version);
  userRoutes(server, api);
  queryRoutes(server, api);
  healthRoutes(server, api);
  problemPages(server);
  refuseOtherMethods();
  return server;
};

const decodable = (url: string): boolean => {
  try {
    decodeURIComponent(url.slice(url.indexOf('?') + 1));
    return true;
  } catch {
    return false;
  }
};

/** What the HTTP parser refuses has no request yet; the answer is written to the socket. */
function refuseOnSocket(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const problem = new Problem(
    error.code === 'HPE_HEADER_OVERFLOW'
      ? 'headers-too-large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? 'request-timeout'
        : 'malformed-request',
  );
  const body = JSON.stringify(problemDocument(problem));
  const { status, title } = problemDocument(problem);
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
