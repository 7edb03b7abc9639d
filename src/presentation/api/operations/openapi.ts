import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { problemResponses } from '../schemas/problem.ts';
import { type Aside, documentOf } from './openapi-document.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route's schema has a body, but a request need not have one. */
    bodyOptional?: boolean;
    /** What the document says of the body beside the route's schema. */
    bodyRules?: object | undefined;
  }
}

const ABOUT = `Users: their profiles and lifecycle. Every change is an event; a read sees your own write.

- **Callers**: this version checks none, so the document asks for no credentials. It answers this machine only, or stands behind a gateway that checks callers.
- **Errors** are problem documents (RFC 9457). \`code\` is for programs, \`type\` leads to a page about it, \`errors\` names each wrong field.
- **Concurrency**: an answer's \`ETag\` is the user's version. \`If-Match\` makes a change conditional, \`If-None-Match\` saves reading again.
- **Sending again** is safe with an \`Idempotency-Key\`: the same request takes effect once and gets the same answer.
- **Asynchronous**: \`Prefer: respond-async\` answers any command with a task; \`Prefer: wait=5\` waits for a task's end.
- In a change, null clears the field; what is not named stays.`;

/** /openapi.json, made from the routes themselves: from those that are added after it. */
export const openapi = async (server: FastifyInstance, version: string, publicUrl: string): Promise<void> => {
  const asides = new Map<string, Aside>();
  server.addHook('onRoute', ({ config, schema }) => {
    if (schema?.operationId === undefined) return;
    const responses = Object.values((schema.response ?? {}) as Record<string, Partial<Aside>>);
    asides.set(schema.operationId, {
      bodyOptional: config?.bodyOptional === true,
      bodyRules: config?.bodyRules,
      codes: responses.flatMap(({ codes = [] }) => codes),
    });
  });

  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Lumin User Service',
        version,
        description: ABOUT,
        license: { name: 'MIT', identifier: 'MIT' },
        contact: { name: 'Whoever runs this service' },
      },
      servers: [{ url: publicUrl || '/', description: 'This server.' }],
      security: [],
      tags: [
        { name: 'Users', description: 'Create, change and read users.' },
        { name: 'Profiles', description: 'Profiles as others see them, and who viewed them.' },
        { name: 'Tasks', description: 'Asynchronous operations.' },
        { name: 'Health', description: 'For probes and people.' },
        { name: 'Documentation', description: 'This description, and the pages that errors point to.' },
      ],
    },
    transformObject: (document) => documentOf((document as { openapiObject: never }).openapiObject, asides) as never,
  });
  let document: Buffer | undefined;
  server.get('/openapi.json', {
    schema: {
      summary: 'This description',
      description: 'OpenAPI 3.1, made from the routes themselves; /docs shows it.',
      operationId: 'getOpenApi',
      tags: ['Documentation'],
      response: {
        200: {
          description: 'The document.',
          content: { 'application/json': { schema: Type.Object({ openapi: Type.String() }, { title: 'OpenApiDocument' }) } },
        },
        ...problemResponses('malformed-request'),
      },
    },
    handler: (_, reply) => {
      document ??= Buffer.from(JSON.stringify(server.swagger()));
      return reply.type('application/json; charset=utf-8').send(document);
    },
  });
};
