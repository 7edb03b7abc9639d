import type { IncomingMessage } from 'node:http';
import cors from '@fastify/cors';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type onSendHookHandler, type RouteOptions } from 'fastify';
import { Problem } from '../../../domain/problem.ts';
import type { Health, Traces } from '../dependencies.ts';
import { commonHeaders } from './headers.ts';
import { methodNotAllowed } from './method-not-allowed.ts';
import { handleError, sendProblem } from './problems.ts';
import { RequestLog } from './request-log.ts';
import { traceRequests } from './request-traces.ts';
import { socketRefusal } from './socket-refusal.ts';
import { isLiveFeedUpgrade } from './upgrade.ts';
import { invalidUserId } from './user-id.ts';

const BODY_LIMIT = 64 * 1024;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;
/** How often Node looks for requests over those limits; its default is 30 seconds. */
const TIMEOUT_CHECK_MS = 1_000;
const REQUEST_ID = /^[\w.:-]{1,128}$/;
/** What Node takes for an expectation that it can meet. */
const CONTINUE = /(?:^|\W)100-continue(?:$|\W)/i;

export type ServerOptions = {
  log: FastifyBaseLogger;
  newRequestId: () => string;
  now: () => Date;
  allowedOrigins?: string[];
  traces?: Traces | null | undefined;
};

/**
 * A server without routes. Whoever refuses a request, the framework included, does so with a problem document, and whatever
 * is answered has the common headers: every request that can be read passes the hooks below, one whose path cannot be too.
 * `addRoutes` adds the routes; methods that they do not take are answered with 405.
 */
export const baseServer = async (
  health: Health,
  { log, newRequestId, now, allowedOrigins = [], traces }: ServerOptions,
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
      shouldUpgradeCallback: isLiveFeedUpgrade,
    },
    // What the router refuses passes no hook: it is given no path that it cannot decode, and none is too long for it.
    rewriteUrl: ({ url = '' }) => (decodable(pathOf(url)) ? url : '/'),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: Number.MAX_SAFE_INTEGER },
    genReqId: ({ headers }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : newRequestId();
    },
    clientErrorHandler: socketRefusal({ log, newRequestId, now }),
  });
  // Node would answer without a document; so the request goes on to the hooks.
  server.server.on('checkExpectation', (request, response) => server.server.emit('request', request, response));

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
  server.addHook('onRequest', ({ raw, originalUrl }, _, done) => done(unreadable(raw, originalUrl)));
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

const pathOf = (url: string): string => url.split('?', 1)[0] ?? '';

const decodable = (text: string): boolean => {
  if (!text.includes('%')) return true;
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
};

/** Why a request cannot be taken for what it says, whatever its route. */
const unreadable = (request: IncomingMessage, url: string): Problem | undefined => {
  const { expect } = request.headers;
  if (!hasOneHost(request)) return new Problem('malformed-request', { detail: 'exactly one Host header is required' });
  if (expect !== undefined && request.httpVersion === '1.1' && !CONTINUE.test(expect)) return new Problem('expectation-failed');
  if (decodable(url)) return undefined;
  return !decodable(pathOf(url)) && /^\/api\/users\/(?!tasks\/)/.test(url) ? invalidUserId() : new Problem('malformed-request');
};

/** Node keeps the first of two Host headers, a proxy perhaps the last: whoever sends two wants one to pass as the other. */
const hasOneHost = ({ rawHeaders, httpVersion }: IncomingMessage): boolean => {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts === 1 || (hosts === 0 && httpVersion === '1.0');
};

/** A 204 has no length, and that of a 304 would be taken for the length of what it stands for (RFC 9110, 8.6). */
const withoutContent: onSendHookHandler = (_, reply, payload, done) => {
  if (reply.statusCode === 204 || reply.statusCode === 304) reply.removeHeader('content-length').removeHeader('content-type');
  done(null, payload);
};
