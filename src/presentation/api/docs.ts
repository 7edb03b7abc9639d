import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { eventSchema } from './schemas/event.ts';
import { problemSchema } from './schemas/problem.ts';
import { taskSchema } from './schemas/task.ts';
import { userSchema } from './schemas/user.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route's schema has a body, but a request need not have one. */
    bodyOptional?: boolean;
  }
}

type Operation = { operationId?: string; requestBody?: { required?: boolean } };

/** /openapi.json and /docs, made from the routes themselves; the pages load nothing from another host. */
export const docs = async (server: FastifyInstance, version: string): Promise<void> => {
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
        description: 'Users: their profiles and lifecycle. Every change is an event; a read sees your own write.',
        license: { name: 'MIT', identifier: 'MIT' },
        contact: { name: 'Lumin User Service' },
      },
      servers: [{ url: '/', description: 'This server.' }],
      tags: [
        { name: 'Users', description: 'Create, change and read users.' },
        { name: 'Tasks', description: 'Asynchronous operations.' },
        { name: 'Health', description: 'For probes and people.' },
        { name: 'Problems', description: 'The pages that errors point to.' },
      ],
    },
    refResolver: { buildLocalReference: (json) => String(json.$id) },
    transformObject: (document) => {
      const { openapiObject } = document as { openapiObject: { paths?: Record<string, Record<string, Operation>> } };
      for (const operations of Object.values(openapiObject.paths ?? {})) {
        for (const operation of Object.values(operations)) {
          if (operation.requestBody) operation.requestBody.required = !bodyOptional.has(operation.operationId ?? '');
        }
      }
      return openapiObject as never;
    },
  });
  await server.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    uiConfig: { tryItOutEnabled: true, validatorUrl: null } as object,
  });
  server.get('/openapi.json', { schema: { hide: true } }, () => server.swagger());
};
