import cors from '@fastify/cors';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type onSendHookHandler, type RouteOptions } from 'fastify';
import { Problem } from '../../../domain/problem.ts';
import type { Health, Traces } from '../dependencies.ts';
import { answerRoom, type RoomLimits } from './answer-room.ts';
import { type BodyLimits, bodyRoom } from './body-room.ts';
import { browserGuard } from './browser-guard.ts';
import { commonHeaders } from './headers.ts';
import { jsonBodies } from './json-body.ts';
import { methodNotAllowed } from './method-not-allowed.ts';
import { limitPipelining } from './pipelining.ts';
import { handleError, sendProblem } from './problems.ts';
import { isMisframed, routedUrl, unreadable } from './request-form.ts';
import { RequestLog } from './request-log.ts';
import { traceRequests } from './request-traces.ts';
import { type SocketLimits, watchSockets } from './socket-limits.ts';
import { socketRefusal } from './socket-refusal.ts';
import { isUpgraded, upgradeLiveFeed } from './upgrade.ts';

const BODY_LIMIT = 64 * 1024;
/** Headers of a request. Each costs more than its bytes, and Node keeps those of heads that are not finished. */
const MAX_HEADERS = 100;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;
/** How often Node looks for requests over those limits; its default is 30 seconds. */
const TIMEOUT_CHECK_MS = 1_000;
/** A UUID, a ULID or 32 hexadecimal digits: the id stays in logs and events, so it may be no text in which anything is told. */
const REQUEST_ID = /^(?:[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}|[\da-f]{32}|[0-7][\da-hjkmnp-tv-z]{25})$/i;

export type ServerOptions = {
  log: FastifyBaseLogger;
  newRequestId: () => string;
  now: () => Date;
  allowedOrigins?: string[];
  /** The hosts that requests may name, where nobody checks callers; null where a gateway does. */
  knownHosts?: readonly string[] | null;
  /** Whether the metrics have a port of their own. */
  metricsElsewhere?: boolean;
  traces?: Traces | null | undefined;
  limits?: Partial<SocketLimits & RoomLimits & BodyLimits> | undefined;
};

/**
 * A server without routes. Whoever refuses a request, the framework included, does so with a problem document, and whatever
 * is answered has the common headers: every request that can be read passes the hooks below, one whose path cannot be too.
 * `addRoutes` adds the routes; methods that they do not take are answered with 405.
 */
export const baseServer = async (
  health: Health,
  { log, newRequestId, now, allowedOrigins = [], knownHosts = null, traces, limits = {} }: ServerOptions,
  addRoutes: (server: FastifyInstance) => void | Promise<void>,
): Promise<FastifyInstance> => {
  const server = Fastify({
    loggerInstance: log,
    logController: new RequestLog(health),
    // While the process stops, connections that are open are served to the end.
    return503OnClosing: false,
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // A missing Host is refused below, with a problem document, which Node's own refusal is not.
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      requireHostHeader: false,
    },
    rewriteUrl: routedUrl,
    // No path is too long for the router either.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: Number.MAX_SAFE_INTEGER },
    genReqId: ({ headers }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : newRequestId();
    },
    clientErrorHandler: socketRefusal({ log, newRequestId, now }),
  });
  limitPipelining(server.server);
  upgradeLiveFeed(server);
  server.server.maxHeadersCount = MAX_HEADERS;
  watchSockets(server.server, limits, answerRoom(server, limits));
  // Node would answer without a document; so the request goes on to the hooks.
  server.server.on('checkExpectation', (request, response) => server.server.emit('request', request, response));

  jsonBodies(server);
  const guard = knownHosts && browserGuard(knownHosts, allowedOrigins);

  server.setSerializerCompiler(() => JSON.stringify);
  server.setErrorHandler(handleError);
  server.setNotFoundHandler((_, reply) => sendProblem(reply, new Problem('not-found')));

  if (traces) traceRequests(server, traces);
  server.addHook('onRequest', (request, reply, done) => {
    reply.headers(commonHeaders(request.id));
    done();
  });
  if (allowedOrigins.length > 0) {
    await server.register(cors, {
      origin: (origin, done) => done(null, origin !== undefined && allowedOrigins.includes(origin) && origin),
      strictPreflight: false,
      methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
      exposedHeaders: ['ETag', 'Location', 'Link', 'Retry-After', 'X-Request-Id', 'Idempotent-Replayed', 'Preference-Applied'],
    });
  }
  server.addHook('onRequest', ({ raw, originalUrl }, reply, done) => {
    const refusal = unreadable(raw, originalUrl) ?? guard?.(raw, originalUrl);
    const upgrade = isUpgraded(raw);
    if (refusal && (upgrade || isMisframed(raw))) reply.header('connection', 'close');
    // Node no longer looks after it.
    if (refusal && upgrade) reply.raw.once('finish', () => raw.socket.destroySoon());
    if (!isMisframed(raw)) return done(refusal);
    // The parser reports headers before it refuses what they say of the body; where it has, that is the answer.
    setImmediate(() => raw.socket.writable && done(refusal));
  });
  bodyRoom(server, limits);
  server.addHook('onSend', withoutContent);
  // Fastify's HEAD routes add the length after all other hooks.
  server.addHook('onRoute', (route) => {
    if (route.method === 'HEAD') route.onSend = [...[route.onSend ?? []].flat(), withoutContent] as NonNullable<RouteOptions['onSend']>;
  });

  const refuseOtherMethods = methodNotAllowed(server);
  await addRoutes(server);
  refuseOtherMethods();
  return server;
};

/** A 204 has no length, and that of a 304 would be taken for the length of what it stands for (RFC 9110, 8.6). */
const withoutContent: onSendHookHandler = (_, reply, payload, done) => {
  if (reply.statusCode === 204 || reply.statusCode === 304) reply.removeHeader('content-length').removeHeader('content-type');
  done(null, payload);
};
