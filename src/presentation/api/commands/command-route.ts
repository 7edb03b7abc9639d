import type { FastifyInstance } from 'fastify';
import { type CommandName, commandNamed } from '../../../application/commands/index.ts';
import { Problem, type ProblemCode } from '../../../domain/problem.ts';
import { UserId } from '../../../domain/value-objects/user-id.ts';
import type { Api } from '../dependencies.ts';
import { MERGE_PATCH } from '../http/headers.ts';
import { restorePlus } from '../http/plus-sign.ts';
import { userIdOf, userIdParams } from '../http/user-id.ts';
import { commandHeaders, commandResponses } from '../schemas/command.ts';
import { sendAnswer } from './answer.ts';
import { bodyOf, canonical, parseHead, singleValue } from './request.ts';

/** What is particular to one command's route. */
export type CommandRow = {
  method: 'POST' | 'PATCH' | 'DELETE';
  url: string;
  /** The name of the method in generated clients. */
  operationId: string;
  summary: string;
  status: 200 | 201 | 204;
  /** Answered with a task, unless the client waits. */
  asynchronous?: true;
  /** The body is a JSON Merge Patch, which may be named so. */
  mergePatch?: true;
  example?: unknown;
  /** The OpenAPI response, where it is not the user. */
  answers?: object;
  /** What the document says of the body beside the schema: rules between fields, which the command itself checks. */
  bodyRules?: object;
  /** What this command is refused for, beside what all are. */
  refuses: readonly ProblemCode[];
};

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
    config: { bodyOptional: single !== undefined || !needsBody, bodyRules: row.bodyRules, mergePatch: row.mergePatch === true },
    schema: {
      summary: row.summary,
      description: describe(row, single),
      operationId: row.operationId,
      tags: [row.answers ? 'Profiles' : 'Users'],
      ...(!creates && { params: userIdParams }),
      headers: commandHeaders,
      ...(row.mergePatch && { consumes: ['application/json', MERGE_PATCH] }),
      body: row.example === undefined ? input : { ...input, examples: [row.example] },
      querystring: {
        type: 'object',
        additionalProperties: false,
        properties: single ? { [single]: queryForm(properties[single] ?? {}) } : {},
      },
      response: commandResponses(row, [...row.refuses, ...(single ? (['query-and-body'] as const) : [])]),
    },
    // What cannot be parsed is refused before what is wrong, and before the body is read.
    onRequest: async (request, reply) => {
      // RFC 5789, 3.1: what was refused for its type is told which is right.
      if (row.mergePatch) reply.header('accept-patch', `${MERGE_PATCH}, application/json`);
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
      return sendAnswer(reply, api, row, answer, prefer);
    },
  });
};

const describe = ({ asynchronous, status, answers, mergePatch }: CommandRow, single: string | undefined): string =>
  [
    asynchronous
      ? 'Answers 202 with a task; `Prefer: wait=5` waits for its end and answers as if it were synchronous.'
      : `Answers ${answers ? 'with the count' : status === 204 ? 'without content' : 'with the user after the change'}. \`Prefer: respond-async\` makes it a task.`,
    ...(mergePatch
      ? [
          'A JSON Merge Patch (RFC 7396): what is left out stays, null clears. All of it is one change: it takes effect whole or not at all.',
        ]
      : []),
    ...(single ? [`\`${single}\` is given in the JSON body or, where it cannot be avoided, in the query string; never in both.`] : []),
  ].join(' ');

/** Without `examples`: /docs would send those together with the body. */
const queryForm = ({ type: _, examples: __, ...schema }: { type?: unknown; examples?: unknown }) => ({ ...schema, type: 'string' });

const newUserId = (body: unknown, api: Api): UserId => UserId((body as { user_id?: string | null }).user_id ?? api.newUserId());
