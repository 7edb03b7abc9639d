import { type FastifyReply, type FastifyRequest, LogController } from 'fastify';

/** One line for a request, which names the route and never the URL: that may hold personal data. */
export class RequestLog extends LogController {
  constructor() {
    super({ disableRequestLogging: true, requestIdLogLabel: 'request_id' });
  }

  override requestCompleted(_: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    const { method, routeOptions } = request;
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    reply.log.info({ method, route: routeOptions.url ?? null, status: reply.statusCode, ms }, 'request');
  }
}
