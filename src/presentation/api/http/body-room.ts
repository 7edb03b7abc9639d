import type { FastifyInstance } from 'fastify';
import { Problem } from '../../../domain/problem.ts';

export const limits = {
  /** Bytes of large bodies that are being read. */
  bodyRoomBytes: 32 * 1024 * 1024,
  /** Bodies below this size are not counted. */
  largeBodyBytes: 1024,
};
export type BodyLimits = typeof limits;

/** Room in memory for large bodies, for as long as they take to arrive. Who finds none hears 503. */
export const bodyRoom = (server: FastifyInstance, changes: Partial<BodyLimits>): void => {
  const { bodyRoomBytes, largeBodyBytes } = { ...limits, ...changes };
  const { bodyLimit = Number.POSITIVE_INFINITY } = server.initialConfig;
  let total = 0;
  server.addHook('onRequest', ({ headers, raw }, _, done) => {
    const said = headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : bodyLimit;
    if (said < largeBodyBytes || raw.destroyed) return done();
    const bytes = Math.min(said, bodyLimit);
    if (total + bytes > bodyRoomBytes) return done(new Problem('overloaded'));
    total += bytes;
    raw.once('close', () => {
      total -= bytes;
    });
    done();
  });
};
