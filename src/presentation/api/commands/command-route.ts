import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type CommandName, commandNamed } from '../../../application/commands/index.ts';
import type { Task } from '../../../application/tasks/task.ts';
import { Problem, type ProblemCode } from '../../../domain/problem.ts';
import type { StoredUser } from '../../../domain/repositories/user-repository.ts';
import { UserId } from '../../../domain/value-objects/user-id.ts';
import type { Api } from '../dependencies.ts';
import { parseIdempotencyKey, parseIfMatch, parsePrefer } from '../http/headers.ts';
import { restorePlus } from '../http/plus-sign.ts';
import { userIdOf, userIdParams } from '../http/user-id.ts';
import { commandHeaders, commandResponses } from '../schemas/command.ts';
import { problemOfTask, taskView } from '../schemas/task.ts';
import { userView } from '../schemas/user.ts';

/** What is particular to one command's route. */
export type CommandRow = {
  method: 'POST' | 'PATCH' | 'DELETE';
  url: string;
  summary: string;
  status: 200 | 201 | 204;
  /** Answered with a task, unless the client waits. */
  asynchronous?: true;
  example?: unknown;
  /** The OpenAPI response, where it is not the user. */
  answers?: object;
  /** What this command is refused for, beside what all are. */
  refuses: readonly ProblemCode[];
};

/** How long a client may wait for a task with `Prefer: wait=N`. */
const MAX_WAIT_SECONDS = 9;

/** Adds the route of one command: reads, runs or accepts it, and answers. */
export const commandRoute = (server: FastifyInstance, api: Api, name: CommandName, row: CommandRow): void => {
  const { input, creates } = commandNamed(name);
  const properties = (input as { properties?: Record<string, object> }).properties ?? {};
  const required = (input as { required?: string[] }).required ?? [];
  const single = singleValue(Object.keys(properties));
  const needsBody = required.length > 0 || 'minProperties' in input;

  server.route<{ Params: { user_id?: string }; Querystring: Record<string, unknown> }>({
    method: row.method,
    url: row.url,
    config: { bodyOptional: single !== undefined || !needsBody },
    schema: {
      summary: row.summary,
      description: describe(row, single),
      operationId: name,
      tags: [row.answers ? 'Profiles' : 'Users'],
      ...(!creates && { params: userIdParams }),
      headers: commandHeaders,
      body: row.example === undefined ? input : { ...input, examples: [row.example] },
      querystring: {
        type: 'object',
        additionalProperties: false,
        properties: single ? { [single]: queryForm(properties[single] ?? {}) } : {},
      },
      response: commandResponses(row, [...row.refuses, ...(single ? (['query-and-body'] as const) : [])]),
    },
    // What cannot be parsed is refused before what is wrong, and before the body is read.
    onRequest: async (request) => {
      if (request.headers['content-encoding'] !== undefined) throw new Problem('unsupported-media-type');
      if (!creates) userIdOf(request.params.user_id);
      parseHead(request.headers);
    },
    preValidation: async (request) => {
      restorePlus(request.query, 'new_email', 'new_phone');
      request.body = bodyOf(request.body, request.query, single, needsBody);
    },
    handler: async (request, reply) => {
      const { prefer, key, ifMatch } = parseHead(request.headers);
      const asTask = row.asynchronous || prefer.respondAsync;
      const userId = creates ? newUserId(request.body, api) : userIdOf(request.params.user_id);
      const command = {
        command: name,
        user_id: userId,
        input: request.body,
        if_match: ifMatch,
        once:
          key === null
            ? undefined
            : {
                key: api.hash(['anonymous', row.method, row.url, key].join('\n')),
                request_hash: api.hash(canonical([request.params.user_id?.toLowerCase(), request.body])),
                status: asTask ? 202 : row.status,
              },
        actor: null,
        correlation_id: request.id,
      };
      const answer = asTask ? await api.accept(command) : await api.execute(command);
      if (answer.replayed) reply.header('idempotent-replayed', 'true');
      if ('user' in answer) return sendUser(reply, row, answer.user);
      if ('view_count' in answer) return reply.send({ count: answer.view_count });
      const waited =
        prefer.waitSeconds === null
          ? answer.task
          : await api.awaitTask(answer.task.task_id, waitMs(prefer.waitSeconds, reply.elapsedTime)).catch(orAccepted(answer.task));
      if (prefer.waitSeconds !== null) reply.header('preference-applied', `wait=${Math.min(prefer.waitSeconds, MAX_WAIT_SECONDS)}`);
      if (waited.error) throw problemOfTask(waited.error);
      if (waited.finished_at && row.answers) return reply.send({ count: waited.result_version });
      if (waited.finished_at)
        return row.status === 204 ? reply.code(204).send() : sendUser(reply, row, await api.getById(waited.user_id, { fresh: true }));
      if (prefer.respondAsync) reply.header('preference-applied', 'respond-async');
      return sendTask(reply, answer.task);
    },
  });
};

/** All of it within the budget of a request. */
const waitMs = (seconds: number, elapsedMs: number): number => Math.max(0, Math.min(seconds * 1000, MAX_WAIT_SECONDS * 1000 - elapsedMs));

/** What was accepted stays accepted, also where nobody can see by now what came of it. */
const orAccepted =
  (task: Task) =>
  (error: unknown): Task => {
    if (error instanceof Problem && error.kind === 'unavailable') return task;
    throw error;
  };

/** @throws Problem where a header cannot be read */
const parseHead = (headers: FastifyRequest['headers']) => ({
  prefer: parsePrefer(headers.prefer as string | undefined),
  key: parseIdempotencyKey(headers['idempotency-key']),
  ifMatch: parseIfMatch(headers['if-match']),
});

/** The query form: for commands that take one new value and nothing else. */
const singleValue = (names: string[]): string | undefined => (names.length === 1 && names[0]?.startsWith('new_') ? names[0] : undefined);

const describe = ({ asynchronous, status, answers }: CommandRow, single: string | undefined): string =>
  [
    asynchronous
      ? 'Answers 202 with a task; `Prefer: wait=5` waits for its end and answers as if it were synchronous.'
      : `Answers ${answers ? 'with the count' : status === 204 ? 'without content' : 'with the user after the change'}. \`Prefer: respond-async\` makes it a task.`,
    ...(single ? [`\`${single}\` is given in the JSON body or, where it cannot be avoided, in the query string; never in both.`] : []),
  ].join(' ');

/** Without `examples`: /docs would send those together with the body. */
const queryForm = ({ type: _, examples: __, ...schema }: { type?: unknown; examples?: unknown }) => ({ ...schema, type: 'string' });

const bodyOf = (body: unknown, query: Record<string, unknown>, single: string | undefined, needsBody: boolean): unknown => {
  if (single !== undefined && single in query) {
    if (body === undefined) return { [single]: query[single] };
    const detail = 'is in the query string, so there must be no body';
    throw new Problem('query-and-body', { errors: [{ pointer: `/${single}`, code: 'query-and-body', detail }] });
  }
  if (body === undefined && needsBody && single === undefined) throw new Problem('malformed-json', { detail: 'a JSON body is required' });
  return body === undefined ? {} : body;
};

const newUserId = (body: unknown, api: Api): UserId => UserId((body as { user_id?: string | null }).user_id ?? api.newUserId());

/** The same text for the same JSON value, whatever the order of its keys. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, item) =>
    item !== null && typeof item === 'object' && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );

const sendUser = (reply: FastifyReply, row: CommandRow, user: StoredUser): FastifyReply => {
  if (row.status === 204) return reply.code(204).send();
  if (row.status === 201) reply.header('location', `/api/users/${user.user_id}`);
  return reply.code(row.status).header('etag', `"${user.version}"`).send(userView(user));
};

const sendTask = (reply: FastifyReply, task: Task): FastifyReply =>
  reply.code(202).header('location', `/api/users/tasks/${task.task_id}`).header('retry-after', 1).send(taskView(task));
