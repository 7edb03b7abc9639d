import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import cors from '@fastify/cors';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { Problem, type ProblemCode } from '../../domain/problem.ts';
import { userRoutes } from './commands/rows.ts';
import type { Api } from './dependencies.ts';
import type { Limits } from './feed/live-feed-connection.ts';
import { liveFeedRoute } from './feed/live-feed-route.ts';
import { parseJsonBody } from './http/json-body.ts';
import { methodNotAllowed } from './http/method-not-allowed.ts';
import { handleError, problemDocument, sendProblem } from './http/problems.ts';
import { RequestLog } from './http/request-log.ts';
import { traceRequests } from './http/request-traces.ts';
import { isLiveFeedUpgrade } from './http/upgrade.ts';
import { invalidUserId } from './http/user-id.ts';
import { validator } from './http/validation.ts';
import { docs } from './operations/docs.ts';
import { healthRoutes } from './operations/health-routes.ts';
import { metricsRoute } from './operations/metrics-route.ts';
import { problemPages } from './operations/problem-pages.ts';
import { listRoutes } from './queries/list-routes.ts';
import { profileRoutes } from './queries/profile-routes.ts';
import { queryRoutes } from './queries/query-routes.ts';

const BODY_LIMIT = 64 * 1024;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;
/** How often Node looks for requests over those limits; its default is 30 seconds. */
const TIMEOUT_CHECK_MS = 1_000;
const REQUEST_ID = /^[\w.:-]{1,128}$/;

type Options = {
  log: FastifyBaseLogger;
  version: string;
  allowedOrigins: string[];
  newRequestId: () => string;
  liveFeed?: Partial<Limits>;
};

export const buildServer = async (
  api: Api,
  { log, version, allowedOrigins, newRequestId, liveFeed }: Options,
): Promise<FastifyInstance> => {
  const server = Fastify({
    loggerInstance: log,
    logController: new RequestLog(api),
    // While the process stops, connections that are open are served to the end.
    return503OnClosing: false,
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // A missing Host is refused below, with a problem document, which Node's own refusal is not.
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      requireHostHeader: false,
      shouldUpgradeCallback: isLiveFeedUpgrade,
    },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 16_384 },
    genReqId: ({ headers }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : newRequestId();
    },
    frameworkErrors: (_, request, reply) => {
      // Refused before routing, so nothing else logs it.
      request.log.info({ method: request.method, route: null, status: 400 }, 'request');
      const isUser = /^\/api\/users\/(?!tasks\/)/.test(request.url);
      sendProblem(withCommonHeaders(request, reply), isUser ? invalidUserId() : new Problem('malformed-request'));
    },
    clientErrorHandler: refuseOnSocket,
  });

  const ajv = validator(api.now);
  // Headers and path parameters have their own readers, which answer 400; their schemas are for the documentation.
  server.setValidatorCompiler(({ schema, httpPart }) =>
    httpPart === 'headers' || httpPart === 'params' ? () => true : ajv.compile(schema as object),
  );
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

  if (api.traces) traceRequests(server, api.traces);
  server.addHook('onRequest', (request, reply, done) => {
    withCommonHeaders(request, reply);
    if (!hasOneHost(request.raw)) return done(new Problem('malformed-request', { detail: 'exactly one Host header is required' }));
    if (!decodable(request.url)) return done(new Problem('malformed-request'));
    // By route and not by URL: a client may name it in full, as to a proxy.
    if (!request.routeOptions.url?.startsWith('/api/')) return done();
    done(api.startProblem() ?? undefined);
  });

  if (allowedOrigins.length > 0) {
    await server.register(cors, {
      origin: (origin, done) => done(null, origin !== undefined && allowedOrigins.includes(origin) && origin),
      strictPreflight: false,
      methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
      exposedHeaders: ['ETag', 'Location', 'Link', 'Retry-After', 'X-Request-Id', 'Idempotent-Replayed', 'Preference-Applied'],
    });
  }
  const refuseOtherMethods = methodNotAllowed(server);
  await docs(server, version);
  userRoutes(server, api);
  queryRoutes(server, api);
  listRoutes(server, api);
  profileRoutes(server, api);
  healthRoutes(server, api);
  metricsRoute(server, api);
  problemPages(server);
  await liveFeedRoute(server, api, allowedOrigins, liveFeed);
  server.websocketServer.on('wsClientError', refuseOnSocket);
  refuseOtherMethods();
  return server;
};

const withCommonHeaders = (request: FastifyRequest, reply: FastifyReply): FastifyReply =>
  reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff').header('cache-control', 'private, no-cache');

/** Node keeps the first of two Host headers, a proxy perhaps the last: whoever sends two wants one to pass as the other. */
const hasOneHost = ({ rawHeaders, httpVersion }: IncomingMessage): boolean => {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts === 1 || (hosts === 0 && httpVersion === '1.0');
};

const decodable = (url: string): boolean => {
  if (!url.includes('%')) return true;
  try {
    decodeURIComponent(url.slice(url.indexOf('?') + 1));
    return true;
  } catch {
    return false;
  }
};

const parserCodes: Record<string, ProblemCode> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'payload-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
};

/** What the HTTP parser refuses has no request yet; the answer is written to the socket. */
function refuseOnSocket(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const document = problemDocument(new Problem(parserCodes[error.code ?? ''] ?? 'malformed-request'));
  const body = JSON.stringify(document);
  const head = [
    `HTTP/1.1 ${document.status} ${STATUS_CODES[document.status]}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'x-content-type-options: nosniff',
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
