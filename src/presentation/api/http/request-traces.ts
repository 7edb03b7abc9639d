import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { TracedRequest, Traces } from '../dependencies.ts';

/** Follows the requests of the API, and those that no route takes, whatever comes of them; their log lines name the trace. */
export const traceRequests = (server: FastifyInstance, traces: Traces): void => {
  const traced = new WeakMap<FastifyRequest, TracedRequest>();

  server.addHook('onRequest', (request, reply, done) => {
    const route = request.routeOptions.url ?? null;
    if (route !== null && !route.startsWith('/api/')) return done();
    const trace = traces.request(request.method, route, request.headers.traceparent);
    if (trace === null) return done();
    traced.set(request, trace);
    request.log = reply.log = request.log.child({ trace_id: trace.traceId });
    reply.raw.once('close', () => trace.end(reply.raw.headersSent ? reply.statusCode : null));
    done();
  });

  // The context is entered in this hook and no earlier one, because reading the body leaves it.
  server.addHook('preHandler', (request, _, done) => {
    const trace = traced.get(request);
    if (trace) trace.run(done);
    else done();
  });
};
