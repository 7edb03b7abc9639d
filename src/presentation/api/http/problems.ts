import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { catalogue, Problem, type ProblemCode, type ProblemKind } from '../../../domain/problem.ts';

/** The one place where a kind of problem becomes an HTTP status. */
const statuses: Record<ProblemKind, number> = {
  malformed: 400,
  forbidden: 403,
  'not-found': 404,
  'wrong-method': 405,
  'too-slow': 408,
  conflict: 409,
  gone: 410,
  stale: 412,
  'too-large': 413,
  unsupported: 415,
  unmet: 417,
  misdirected: 421,
  invalid: 422,
  upgrade: 426,
  'headers-too-large': 431,
  bug: 500,
  unimplemented: 501,
  unavailable: 503,
};

const RETRY_AFTER_SECONDS = 1;

export const statusOf = (code: ProblemCode): number => statuses[catalogue[code].kind];

/** RFC 9457. `type` is the address of the problem's own page. */
export const problemDocument = ({ code, facts }: Pick<Problem, 'code' | 'facts'>, requestId?: string) => ({
  type: `/problems/${code}`,
  title: catalogue[code].title,
  status: statusOf(code),
  detail: facts.detail ?? `${catalogue[code].cause} ${catalogue[code].next}`,
  code,
  ...(requestId !== undefined && { request_id: requestId }),
  ...(facts.errors && { errors: facts.errors }),
});

/** What requests were answered with, for their lines in the log. */
const answered = new WeakMap<FastifyReply, Problem>();
export const problemIn = (reply: FastifyReply): Problem | undefined => answered.get(reply);

export const sendProblem = (reply: FastifyReply, problem: Problem): FastifyReply => {
  answered.set(reply, problem);
  const status = statusOf(problem.code);
  if (status === 503) reply.header('retry-after', RETRY_AFTER_SECONDS);
  if (problem.facts.version !== undefined) reply.header('etag', `"${problem.facts.version}"`);
  return reply.code(status).type('application/problem+json').send(problemDocument(problem, reply.request.id));
};

/** What the framework refuses before a handler runs, in the catalogue's words. */
const frameworkCodes: Record<string, ProblemCode> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload-too-large',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed-request',
  FST_ERR_ROUTE_METHOD_NOT_SUPPORTED: 'method-not-allowed',
  ECONNRESET: 'malformed-request',
};

/** What else the framework or a plugin refuses. */
const codeOfStatus = (status: number | undefined): ProblemCode =>
  status !== undefined && status >= 400 && status < 500 ? 'malformed-request' : 'internal-error';

export const problemOf = (error: unknown): Problem => {
  if (error instanceof Problem) return error;
  const { code, statusCode } = error as FastifyError;
  return new Problem(frameworkCodes[code] ?? codeOfStatus(statusCode), {}, { cause: error });
};

/** What went wrong; a bug is logged here, and what passes is told once for all requests that meet it. */
export const reportedProblem = (error: unknown, { log }: FastifyRequest): Problem => {
  const problem = problemOf(error);
  if (problem.kind === 'bug') log.error({ err: error }, 'a request failed because of a bug');
  return problem;
};

export const handleError = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply =>
  sendProblem(reply, reportedProblem(error, request));
