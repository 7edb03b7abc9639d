import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { messageOf } from './pipelining.ts';

export const limits = {
  tickMs: 1_000,
  /** What a client has not taken must move within this time, and so must the end of a connection that was ended. */
  stalledMs: 15_000,
  /** The same, while others wait for the room that it takes. */
  pressedMs: 2_000,
  /** What counts as a move, where so much is left. */
  moveBytes: 16 * 1024,
  /** An answer must begin within this time. Above what any request may take. */
  answerMs: 60_000,
  /** Sockets whose first request has not come; each may hold the most of a head. */
  newSockets: 2_500,
  /** Open sockets; a further one is closed at once. */
  sockets: 12_000,
  /** Beyond so many, clients that take nothing have the time of those that others wait for. */
  crowd: 5_000,
  /** Bytes of all requests, finished or not, of which nothing has been answered at a look; beyond them, sockets with most are closed. */
  requestRoomBytes: 40 * 1024 * 1024,
  /** Time without an answer. Above the time for which Node keeps a connection, and then a request may take to arrive. */
  idleMs: 90_000,
};
export type SocketLimits = typeof limits;

/** Time that the live feed has to say why it closes a connection. */
const FAREWELL_MS = 5_000;

type Phase = 'leaving' | 'ended' | 'answering' | 'idle';
/**
 * `phase` has lasted, and as many bytes have been `taken`, `since` then. `seen`: bytes that had come at the last look. `answered`:
 * those that had come at the look before an answer last moved; what came between the two may be of the next request.
 */
type Watched = { upgraded: boolean; phase: Phase; taken: number; since: number; seen: number; answered: number };

/**
 * Closes sockets on which nothing moves, which one timer looks at all together. Node by itself limits how long a request takes
 * to arrive; not how long its answer takes to leave, nor a connection that was ended by one side, nor one on which now and then
 * a byte comes that belongs to no request. `pressed` is asked at every look, whether somebody waits for room.
 */
export const watchSockets = (http: Server, changes: Partial<SocketLimits>, pressed: (now: number) => boolean): void => {
  const { tickMs, stalledMs, pressedMs, moveBytes, answerMs, newSockets, sockets, crowd, requestRoomBytes, idleMs } = {
    ...limits,
    ...changes,
  };
  const open = new Map<Socket, Watched>();
  let timer: NodeJS.Timeout | undefined;
  http.maxConnections = sockets;
  /** No more than so many are new. */
  let fresh = 0;
  http.on('connection', (socket: Socket) => {
    if (++fresh > newSockets) closeNew();
    open.set(socket, { upgraded: false, phase: 'idle', taken: 0, since: performance.now(), seen: 0, answered: 0 });
    socket.once('close', () => open.delete(socket));
  });
  http.prependListener('upgrade', (_, socket: Socket) => {
    const watched = open.get(socket);
    if (watched) watched.upgraded = true;
  });
  http.on('listening', () => {
    timer ??= setInterval(look, tickMs).unref();
  });
  http.on('close', () => clearInterval(timer));

  const look = (): void => {
    const now = performance.now();
    const patience = pressed(now) || open.size > crowd ? pressedMs : stalledMs;
    const asking: { socket: Socket; bytes: number }[] = [];
    let total = 0;
    for (const [socket, watched] of open) {
      const { writableLength: unsent } = socket;
      const taken = socket.bytesWritten - unsent - queued(socket);
      const phase = unsent > 0 ? 'leaving' : socket.writableEnded ? 'ended' : messageOf(socket) ? 'answering' : 'idle';
      const moved = Math.abs(taken - watched.taken) >= Math.min(moveBytes, Math.max(unsent, 1));
      if (moved || phase !== watched.phase) Object.assign(watched, { phase, taken, since: now });
      else if (now - watched.since >= mostOf(phase, watched.upgraded, patience)) socket.destroy();
      if (moved) watched.answered = watched.seen;
      watched.seen = socket.bytesRead;
      const bytes = watched.upgraded ? 0 : watched.seen - watched.answered;
      total += bytes;
      if (bytes > 0) asking.push({ socket, bytes });
    }
    if (total <= requestRoomBytes) return;
    asking.sort((one, other) => other.bytes - one.bytes);
    for (const { socket, bytes } of asking) {
      if (total <= requestRoomBytes / 2) break;
      total -= bytes;
      socket.destroy();
    }
  };

  /** Closes the oldest tenth of those that are new, where they are too many. */
  const closeNew = (): void => {
    const unasked = [...open.keys()].filter((socket) => socket.bytesWritten === 0 && !messageOf(socket));
    const closed = unasked.length < newSockets ? [] : unasked.slice(0, Math.ceil(newSockets / 10));
    for (const socket of closed) socket.destroy();
    fresh = unasked.length - closed.length;
  };

  const mostOf = (phase: Phase, upgraded: boolean, patience: number): number => {
    // The live feed notices by itself who does not take its events, and says why it closes.
    if (phase === 'leaving') return upgraded ? stalledMs + FAREWELL_MS : patience;
    if (phase === 'ended') return stalledMs;
    if (upgraded) return Number.POSITIVE_INFINITY;
    return phase === 'answering' ? answerMs : idleMs;
  };
};

/** Bytes that the system has not taken of what is being written. */
const queued = (socket: Socket): number =>
  (socket as Socket & { _handle?: { writeQueueSize?: number } | null })._handle?.writeQueueSize ?? 0;
