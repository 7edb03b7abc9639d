import type { FastifyInstance } from 'fastify';

/**
 * Makes Location and Link name the addresses that clients see, where a proxy takes a prefix off the path. The operator says
 * what they are: X-Forwarded-Host and its like may come from anybody.
 */
export const publicAddresses = (server: FastifyInstance, publicUrl: string): void => {
  server.addHook('onSend', (_, reply, payload, done) => {
    for (const name of ['location', 'link']) {
      const value = reply.getHeader(name);
      if (typeof value === 'string')
        reply.header(
          name,
          value.replace(/^<?(?=\/)/, (begin) => begin + publicUrl),
        );
    }
    done(null, payload);
  });
};
