import { METHODS } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { Problem } from '../../../domain/problem.ts';

/**
 * Watches which routes are added; the returned function then answers 405 with Allow wherever the path is known and the
 * method is not (RFC 9110, 15.5.6).
 */
export const methodNotAllowed = (server: FastifyInstance): (() => void) => {
  const known = new Map<string, Set<string>>();
  server.addHook('onRoute', ({ url, method }) => {
    if (url === '*') return;
    const path = url.replace(/(?<=.)\/$/, '');
    known.set(path, new Set([...(known.get(path) ?? []), ...[method].flat()]));
  });

  return () => {
    const all = METHODS.filter((name) => name !== 'CONNECT');
    for (const name of all) if (!server.supportedMethods.includes(name)) server.addHttpMethod(name);
    for (const [url, methods] of known) {
      const allow = [...methods].sort().join(', ');
      server.route({
        method: all.filter((name) => !methods.has(name)),
        url,
        schema: { hide: true },
        // Before the body is read, so that its type and size do not matter.
        onRequest: async (_, reply) => {
          reply.header('allow', allow);
          throw new Problem('method-not-allowed');
        },
        handler: () => undefined,
      });
    }
  };
};
