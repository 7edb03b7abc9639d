import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { Problem } from '../../../domain/problem.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How many bytes the route's answer to a request may have, where that may be many. */
    answerBytes?: (request: FastifyRequest) => number;
  }
}

export const limits = {
  /** Bytes of large answers, those included that are being made. */
  roomBytes: 24 * 1024 * 1024,
  /** Answers below this size are not counted. */
  largeBytes: 16 * 1024,
  /** Requests that may wait for room, and for how long. */
  roomQueue: 1_000,
  roomMs: 3_000,
};
export type RoomLimits = typeof limits;

type Waiting = { bytes: number; until: number; response: ServerResponse; done: (problem?: Problem) => void };

/**
 * Room in memory for large answers, from when one is begun until its client has taken it, for all sockets together. Who finds
 * none waits a little, and hears 503 then. The returned function is called every now and then; it tells whether anybody has
 * waited since the last call.
 */
export const answerRoom = (server: FastifyInstance, changes: Partial<RoomLimits>): ((now: number) => boolean) => {
  const { roomBytes, largeBytes, roomQueue, roomMs } = { ...limits, ...changes };
  const held = new Map<ServerResponse, number>();
  const queue: Waiting[] = [];
  let total = 0;
  let pressed = false;

  const hold = (response: ServerResponse, bytes: number): void => {
    if (response.destroyed) return;
    const before = held.get(response);
    if (before === undefined) response.once('close', () => release(response));
    total += bytes - (before ?? 0);
    held.set(response, bytes);
  };

  const release = (response: ServerResponse): void => {
    total -= held.get(response) ?? 0;
    held.delete(response);
    admit();
  };

  /** An answer that is larger than all the room is made alone. */
  const fits = (bytes: number): boolean => total === 0 || total + bytes <= roomBytes;

  const admit = (): void => {
    for (let [next] = queue; next && (next.response.destroyed || fits(next.bytes)); [next] = queue) {
      queue.shift();
      // Nobody waits for it any more.
      if (next.response.destroyed) continue;
      hold(next.response, next.bytes);
      next.done();
    }
  };

  server.addHook('onRoute', (route) => {
    const answerBytes = route.config?.answerBytes;
    if (answerBytes === undefined) return;
    route.preHandler = (request, { raw }, done) => {
      const bytes = answerBytes(request);
      if (queue.length === 0 && fits(bytes)) {
        hold(raw, bytes);
        return done();
      }
      pressed = true;
      if (queue.length >= roomQueue) return done(new Problem('overloaded'));
      queue.push({ bytes, until: performance.now() + roomMs, response: raw, done });
    };
  });

  server.addHook('onSend', (_, reply, payload, done) => {
    // Bytes are kept for many answers, a text is made for one.
    if (typeof payload !== 'string') return done(null, payload);
    const before = held.get(reply.raw);
    if (before === undefined && payload.length < largeBytes) return done(null, payload);
    // What no route announced, the metrics for one, is let in where pages are not.
    if (before === undefined && total + payload.length > roomBytes * 1.5) {
      pressed = true;
      return done(new Problem('overloaded'));
    }
    hold(reply.raw, payload.length);
    if (before !== undefined && before > payload.length) admit();
    done(null, payload);
  });

  return (now) => {
    while (queue[0] && queue[0].until <= now) queue.shift()?.done(new Problem('overloaded'));
    const before = pressed;
    pressed = queue.length > 0;
    return before;
  };
};
