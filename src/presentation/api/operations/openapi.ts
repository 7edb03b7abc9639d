import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { eventSchema } from '../schemas/event.ts';
import { problemResponses, problemSchema } from '../schemas/problem.ts';
import { taskSchema } from '../schemas/task.ts';
import { userSchema } from '../schemas/user.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route's schema has a body, but a request need not have one. */
    bodyOptional?: boolean;
  }
}

type Operation = {
  operationId?: string;
  responses: Record<string, { headers?: Record<string, object> }>;
  requestBody?: { required?: boolean; content: Record<string, { schema: { properties?: object } }> };
};

const ABOUT = `Users: their profiles and lifecycle. Every change is an event; a read sees your own write.

- **Errors** are problem documents (RFC 9457). \`code\` is for programs, \`type\` leads to a page about it, \`errors\` names each wrong field.
- **Concurrency**: an answer's \`ETag\` is the user's version. \`If-Match\` makes a change conditional, \`If-None-Match\` saves reading again.
- **Sending again** is safe with an \`Idempotency-Key\`: the same request takes effect once and gets the same answer.
- **Asynchronous**: \`Prefer: respond-async\` answers any command with a task; \`Prefer: wait=5\` waits for a task's end.
- In a change, null clears the field; what is not named stays.`;

/** /openapi.json, made from the routes themselves: from those that are added after it. */
export const openapi = async (server: FastifyInstance, version: string, publicUrl: string): Promise<void> => {
  for (const schema of [userSchema, taskSchema, eventSchema, problemSchema]) server.addSchema(schema);
  const bodyOptional = new Set<string>();
  server.addHook('onRoute', ({ config, schema }) => {
    if (config?.bodyOptional && schema?.operationId) bodyOptional.add(schema.operationId);
  });

  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Lumin User Service',
        version,
        description: ABOUT,
        license: { name: 'MIT', identifier: 'MIT' },
        contact: { name: 'Lumin User Service' },
      },
      servers: [{ url: publicUrl || '/', description: 'This server.' }],
      components: {
        headers: { 'X-Request-Id': { description: 'The request; the log has it.', required: true, schema: { type: 'string' } } },
      },
      tags: [
        { name: 'Users', description: 'Create, change and read users.' },
        { name: 'Profiles', description: 'Profiles as others see them, and who viewed them.' },
        { name: 'Tasks', description: 'Asynchronous operations.' },
        { name: 'Health', description: 'For probes and people.' },
        { name: 'Documentation', description: 'This description, and the pages that errors point to.' },
      ],
    },
    refResolver: { buildLocalReference: (json) => String(json.$id) },
    transformObject: (document) => {
      const { openapiObject } = document as { openapiObject: { paths?: Record<string, Record<string, Operation>> } };
      for (const operations of Object.values(openapiObject.paths ?? {})) {
        for (const operation of Object.values(operations)) {
          const { requestBody } = operation;
          for (const response of Object.values(operation.responses)) {
            response.headers = { 'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' }, ...response.headers };
          }
          if (requestBody === undefined) continue;
          // A command that takes no input accepts {} but need not say so.
          const { properties = {} } = requestBody.content['application/json']?.schema ?? {};
          if (Object.keys(properties).length === 0) delete operation.requestBody;
          else requestBody.required = !bodyOptional.has(operation.operationId ?? '');
        }
      }
      return openapiObject as never;
    },
  });
  let document: Buffer | undefined;
  server.get('/openapi.json', {
    schema: {
      summary: 'This description',
      description: 'OpenAPI 3.1, made from the routes themselves; /docs shows it.',
      operationId: 'openapi',
      tags: ['Documentation'],
      response: {
        200: { description: 'The document.', content: { 'application/json': { schema: Type.Object({ openapi: Type.String() }) } } },
        ...problemResponses('malformed-request'),
      },
    },
    handler: (_, reply) => {
      document ??= Buffer.from(JSON.stringify(server.swagger()));
      return reply.type('application/json; charset=utf-8').send(document);
    },
  });
};
