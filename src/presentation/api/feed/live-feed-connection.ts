import type websocket from '@fastify/websocket';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../../../domain/problem.ts';
import { UserId } from '../../../domain/value-objects/user-id.ts';
import type { Api } from '../dependencies.ts';
import { problemDocument, reportedProblem } from '../http/problems.ts';
import type { SubscribeMessage } from '../schemas/live-feed.ts';
import type { FeedRoom } from './feed-room.ts';

export const limits = {
  clients: 10_000,
  /** A connection that has not subscribed by then is closed. */
  subscribeMs: 30_000,
  /** Time between pings; a client that has not answered the last two is cut off. */
  heartbeatMs: 15_000,
  messagesPerSecond: 20,
  /** Unsent bytes at which catching up pauses, and the time in which some of them must go. */
  pauseBytes: 256 * 1024,
  drainMs: 15_000,
  /** Unsent bytes at which a client counts as one that does not read. */
  bufferedBytes: 1024 * 1024,
  /** Unsent bytes of all clients together; beyond them, who has taken nothing for longest is cut off. */
  roomBytes: 32 * 1024 * 1024,
};
export type Limits = typeof limits;

const UNSUPPORTED = 1003;
const POLICY_VIOLATION = 1008;
const TRY_AGAIN_LATER = 1013;
/** Ours. The number is that of HTTP's Conflict. */
const BEGIN_AGAIN = 4409;

type Live = Pick<Api, 'liveFeed' | 'getById'>;

/** Serves one client of the live feed. `parse` throws a Problem for a message that is not one of ours. */
export const serveConnection = (
  { liveFeed, getById }: Live,
  parse: (message: Buffer) => SubscribeMessage,
  limits: Limits,
  room: FeedRoom,
  socket: websocket.WebSocket,
  request: FastifyRequest,
): void => {
  const held = room.enter(() => {
    leave();
    socket.terminate();
  });
  let subscribed = false;
  let leave = (): void => {};
  let onFlush = (): void => {};
  let unanswered = 0;
  let second = { began: performance.now(), messages: 0 };

  const send = (text: Uint8Array | string): boolean => {
    if (socket.readyState !== socket.OPEN) return true;
    const sent = held.add(text.length);
    socket.send(text, { binary: false }, () => {
      sent();
      onFlush();
    });
    if (socket.bufferedAmount > limits.bufferedBytes) close(TRY_AGAIN_LATER, 'too slow');
    return socket.bufferedAmount <= limits.pauseBytes;
  };

  const drained = (): Promise<void> =>
    new Promise((resolve) => {
      const stalled = setTimeout(() => close(TRY_AGAIN_LATER, 'too slow'), limits.drainMs);
      onFlush = () => {
        stalled.refresh();
        // A page is read anew for what follows, so there must be room for much of it.
        if (socket.readyState === socket.OPEN && socket.bufferedAmount > limits.pauseBytes / 4) return;
        clearTimeout(stalled);
        onFlush = () => {};
        resolve();
      };
      onFlush();
    });

  const close = (code: number, reason: string): void => {
    leave();
    socket.close(code, reason);
  };

  const subscribe = async ({ user_id, after }: SubscribeMessage): Promise<void> => {
    if (subscribed) throw new Problem('already-subscribed');
    subscribed = true;
    try {
      const userId = user_id === undefined ? null : UserId(user_id);
      if (userId !== null) await getById(userId);
      const head = await liveFeed.head();
      const position = after === undefined ? head : Number(after);
      if (position > head) {
        throw new Problem('validation-failed', { errors: [{ pointer: '/after', code: 'too-high', detail: 'is beyond the last event' }] });
      }
      if (socket.readyState !== socket.OPEN) return;
      clearTimeout(idle);
      send(JSON.stringify({ op: 'subscribed', position: String(position) }));
      const beginAgain = (): void => close(BEGIN_AGAIN, 'the log has lost events: begin again');
      leave = liveFeed.follow({ userId, send, drained, beginAgain }, position);
    } catch (error) {
      subscribed = false;
      throw error;
    }
  };

  /** Counts what the client sends, pings and pongs too. */
  const tooMany = (): boolean => {
    if (performance.now() - second.began >= 1_000) second = { began: performance.now(), messages: 0 };
    return ++second.messages > limits.messagesPerSecond;
  };

  const receive = async (message: Buffer, binary: boolean): Promise<void> => {
    if (socket.readyState !== socket.OPEN) return;
    if (tooMany()) return close(POLICY_VIOLATION, 'too many messages');
    if (binary) return close(UNSUPPORTED, 'text only');
    try {
      await subscribe(parse(message));
    } catch (error) {
      send(JSON.stringify({ op: 'error', problem: problemDocument(reportedProblem(error, request), request.id) }));
    }
  };

  const idle = setTimeout(() => close(POLICY_VIOLATION, 'no subscription'), limits.subscribeMs);
  const heartbeat = setInterval(() => {
    if (unanswered === 2) return socket.terminate();
    unanswered++;
    socket.ping();
  }, limits.heartbeatMs);

  socket.on('message', (message, binary) => void receive(message as Buffer, binary));
  socket.on('ping', () => tooMany() && close(POLICY_VIOLATION, 'too many messages'));
  socket.on('pong', () => {
    unanswered = 0;
    if (tooMany()) close(POLICY_VIOLATION, 'too many messages');
  });
  socket.on('close', (code) => {
    leave();
    held.leave();
    clearTimeout(idle);
    clearInterval(heartbeat);
    onFlush();
    request.log.info({ route: '/ws', code }, 'a live connection ended');
  });
};
