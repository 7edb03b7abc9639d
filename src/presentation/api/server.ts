import type { FastifyInstance } from 'fastify';
import { Problem } from '../../domain/problem.ts';
import { userRoutes } from './commands/rows.ts';
import type { Api } from './dependencies.ts';
import type { Limits } from './feed/live-feed-connection.ts';
import { liveFeedRoute } from './feed/live-feed-route.ts';
import { baseServer, type ServerOptions } from './http/base-server.ts';
import { hasTooMany, tooMany } from './http/json-body.ts';
import { publicAddresses } from './http/public-addresses.ts';
import { socketRefusal } from './http/socket-refusal.ts';
import { fieldErrors, queryStringSchema, validator } from './http/validation.ts';
import { docs } from './operations/docs.ts';
import { healthRoutes } from './operations/health-routes.ts';
import { home } from './operations/home.ts';
import { metricsRoute } from './operations/metrics-route.ts';
import { openapi } from './operations/openapi.ts';
import { problemPages } from './operations/problem-pages.ts';
import { listRoutes } from './queries/list-routes.ts';
import { profileRoutes } from './queries/profile-routes.ts';
import { queryRoutes } from './queries/query-routes.ts';

type Options = Pick<ServerOptions, 'log' | 'newRequestId' | 'knownHosts' | 'metricsElsewhere' | 'limits'> & {
  version: string;
  allowedOrigins: string[];
  /** Begins the addresses in answers, where it is not empty. */
  publicUrl?: string;
  liveFeed?: Partial<Limits>;
};

export const buildServer = (api: Api, { version, publicUrl = '', liveFeed, ...options }: Options): Promise<FastifyInstance> => {
  const base = { ...options, now: api.now, traces: api.traces };
  return baseServer(api, base, async (server) => {
    const ajv = validator(api.now);
    // Headers and path parameters have their own readers, which answer 400; their schemas are for the documentation.
    server.setValidatorCompiler(({ schema, httpPart }) => {
      if (httpPart === 'headers' || httpPart === 'params') return () => true;
      return ajv.compile(httpPart === 'querystring' ? queryStringSchema(schema as object) : (schema as object));
    });
    server.addHook('preValidation', ({ query }, _, done) => done(hasTooMany(query as object) ? tooMany() : undefined));
    server.setSchemaErrorFormatter((failures) => new Problem('validation-failed', { errors: fieldErrors(failures, api.now()) }));

    server.addHook('onRequest', ({ routeOptions }, _, done) => {
      // By route and not by URL: a client may name it in full, as to a proxy.
      done((routeOptions.url?.startsWith('/api/') && api.startProblem()) || undefined);
    });
    if (publicUrl !== '') publicAddresses(server, publicUrl);
    await openapi(server, version, publicUrl);
    docs(server);
    userRoutes(server, api);
    queryRoutes(server, api);
    listRoutes(server, api);
    profileRoutes(server, api);
    healthRoutes(server, api);
    if (!options.metricsElsewhere) metricsRoute(server, api);
    problemPages(server);
    // Only where the service answers this machine's own browser: anybody else learns neither version nor addresses.
    if (options.knownHosts) home(server, version);
    // Where a proxy hands on another Host, the service does not see that its own pages are its own.
    const ownOrigins = publicUrl === '' ? [] : [new URL(publicUrl).origin];
    await liveFeedRoute(server, api, [...options.allowedOrigins, ...ownOrigins], liveFeed);
    server.websocketServer.on('wsClientError', socketRefusal(base));
  });
};
