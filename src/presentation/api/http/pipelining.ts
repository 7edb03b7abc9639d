import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests of one socket that are worked on at the same time. */
const AT_ONCE = 4;
/** Requests of all sockets together that share their socket with others: begun or waiting. */
const MAX_WAITING = 4_000;

type Exchange = readonly [request: IncomingMessage, response: ServerResponse];
type Line = { readonly begun: Set<ServerResponse>; readonly waiting: Exchange[] };

/**
 * Works on few requests of one socket at a time. Node begins every request that it finds in what it has read, more than a
 * thousand in one piece; so those beyond the first wait here, and the socket is not read until none does. A request that is
 * alone on its socket costs one comparison.
 */
export const limitPipelining = (http: Server, { atOnce = AT_ONCE, maxWaiting = MAX_WAITING } = {}): void => {
  const [serve] = http.listeners('request') as ((request: IncomingMessage, response: ServerResponse) => void)[];
  if (serve === undefined) throw new Error('nobody serves requests');
  const lines = new Map<Socket, Line>();
  /** How many requests are in `lines`. */
  let queued = 0;

  const lineOf = (socket: Socket): Line => {
    const line: Line = { begun: new Set(), waiting: [] };
    lines.set(socket, line);
    // Node resumes a socket whenever it has sent something.
    socket.on('resume', () => line.waiting.length > 0 && socket.pause());
    socket.once('close', () => {
      lines.delete(socket);
      queued -= line.waiting.splice(0).length + line.begun.size;
      // Node tells only the response whose turn it was.
      for (const response of line.begun) if (response.socket === null) response.emit('close');
    });
    return line;
  };

  const follow = (response: ServerResponse, socket: Socket, line: Line): void => {
    line.begun.add(response);
    response.once('close', () => {
      line.begun.delete(response);
      if (!lines.has(socket)) return;
      queued--;
      if (!socket.destroyed) advance(socket, line);
    });
  };

  const advance = (socket: Socket, line: Line): void => {
    while (line.begun.size < atOnce) {
      const next = line.waiting.shift();
      if (next === undefined) break;
      follow(next[1], socket, line);
      serve(...next);
    }
    if (line.waiting.length > 0) socket.pause();
    else if (socket.isPaused()) socket.resume();
  };

  http.off('request', serve);
  http.on('request', (request, response) => {
    // Node gives the socket to the response whose turn it is.
    if (response.socket !== null) return serve(request, response);
    const { socket } = request;
    if (socket.destroyed) return;
    const line = lines.get(socket) ?? lineOf(socket);
    const first = messageOf(socket);
    if (first && !line.begun.has(first)) {
      queued++;
      follow(first, socket, line);
    }
    queued++;
    line.waiting.push([request, response]);
    advance(socket, line);
    if (queued > maxWaiting) longest(lines).destroy();
  });
};

/** The response that has the socket: Node's own mark, which its closeIdleConnections goes by too. */
export const messageOf = (socket: Socket): ServerResponse | null | undefined =>
  (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage;

const longest = (lines: Map<Socket, Line>): Socket =>
  [...lines].reduce((most, one) => (lengthOf(one[1]) > lengthOf(most[1]) ? one : most))[0];

const lengthOf = ({ begun, waiting }: Line): number => begun.size + waiting.length;
