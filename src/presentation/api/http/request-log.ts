import { type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import type { Health } from '../dependencies.ts';
import { problemIn } from './problems.ts';
import { isUpgraded } from './upgrade.ts';

type Metrics = Pick<Health, 'beginRequest' | 'observeRequest' | 'unserved'>;

/** One line and one observation for a request, which name the route and never the URL: that may hold personal data. */
export class RequestLog extends LogController {
  readonly #metrics: Metrics;

  constructor(metrics: Metrics) {
    super({ disableRequestLogging: true, requestIdLogLabel: 'request_id' });
    this.#metrics = metrics;
  }

  /** A live connection is none: it stays. */
  override incomingRequest({ raw }: FastifyRequest, reply: FastifyReply): void {
    if (!isUpgraded(raw)) reply.raw.once('close', this.#metrics.beginRequest());
  }

  override requestCompleted(_: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    const { method, routeOptions } = request;
    const route = routeOptions.url ?? null;
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    const problem = problemIn(reply);
    reply.log.info({ method, route, status: reply.statusCode, ...(problem && { code: problem.code }), ms }, 'request');
    if (problem?.kind === 'unavailable') this.#metrics.unserved(problem);
    // Methods and routes that do not exist are what clients make up.
    this.#metrics.observeRequest(route === null ? 'other' : method, route ?? 'other', reply.statusCode, ms);
  }
}
