import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { messageOf } from '../http/pipelining.ts';

/** How long the server goes on taking connections in after the stop began, so that a load balancer that asks for readiness sends its requests elsewhere. */
const NOTICE_MS = 500;
/** The port is closed when nobody has connected for so many ticks, or at the latest after so long. */
const QUIET_TICKS = 4;
const RESTLESS_MS = 3_000;
/** A connection that is still open after this time is cut. */
const MOST_MS = 9_000;
const TICK_MS = 5;
/**
 * A connection is closed when it was found idle so many times: its client may be about to use it. Not by the clock: what has
 * arrived is read between two ticks, however long a busy machine takes for that.
 */
const IDLE_TICKS = 2_000 / TICK_MS;

/**
 * Ends the server so that no request fails whose client behaves.
 * 1. For a moment all goes on.
 * 2. Requests wait and connections are taken in, until nobody waits to be: who does while the port is closed is cut off.
 * 3. The port is closed. Who connects is refused, and may safely go elsewhere. Every answer is the last on its connection.
 * 4. A connection that has been idle for a while is closed: at once would be just as its client sends the next request.
 * The result is how many requests took too long and were cut off.
 */
export const drainable = (server: FastifyInstance): (() => Promise<number>) => {
  const { server: http } = server;
  /** Open connections: the bytes read from each, and how often it was found idle since. */
  const open = new Map<Socket, { bytes: number; idle: number }>();
  let connected = 0;
  let holding = false;
  http.on('connection', (socket: Socket) => {
    connected++;
    open.set(socket, { bytes: 0, idle: 0 });
    socket.once('close', () => open.delete(socket));
    // Node begins to read after this event.
    if (holding) process.nextTick(() => socket.pause());
  });

  const takeIn = async (): Promise<void> => {
    const began = performance.now();
    holding = true;
    for (const socket of open.keys()) socket.pause();
    // The server counts ticks, not time: Node takes in one connection a turn, and a turn may take long.
    for (let quiet = 0; quiet < QUIET_TICKS && performance.now() - began < RESTLESS_MS; ) {
      const before = connected;
      await sleep(TICK_MS);
      quiet = connected === before ? quiet + 1 : 0;
    }
  };

  const closePort = (): void => {
    // Node would cut idle connections as soon as the port is closed.
    http.closeIdleConnections = () => {};
    http.close();
    http.prependListener('request', lastAnswers());
    for (const socket of open.keys()) socket.resume();
  };

  const closeIdle = (): void => {
    for (const [socket, seen] of open) {
      if (busy(socket) || socket.bytesRead !== seen.bytes) open.set(socket, { bytes: socket.bytesRead, idle: 0 });
      else if (++seen.idle > IDLE_TICKS) socket.destroy();
    }
  };

  const cutAll = (): number => {
    const cut = [...open.keys()].filter(busy).length;
    for (const socket of open.keys()) socket.destroy();
    return cut;
  };

  return async () => {
    const began = performance.now();
    await sleep(NOTICE_MS);
    await takeIn();
    closePort();
    let cut = 0;
    const closing = setInterval(() => {
      if (performance.now() - began < MOST_MS) closeIdle();
      else cut += cutAll();
    }, TICK_MS);
    await server.close();
    clearInterval(closing);
    return cut;
  };
};

/** Whether a request on the connection is being answered. */
const busy = (socket: Socket): boolean => Boolean(messageOf(socket));

/** Makes each answer the last one on its connection; of several requests that came at once, that to the last of them. */
const lastAnswers = () => {
  const last = new WeakMap<Socket, ServerResponse>();
  return ({ socket }: IncomingMessage, response: ServerResponse): void => {
    const before = last.get(socket);
    if (before && !before.headersSent) before.removeHeader('connection');
    response.setHeader('connection', 'close');
    last.set(socket, response);
  };
};
