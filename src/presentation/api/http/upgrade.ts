import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { messageOf } from './pipelining.ts';

/**
 * Lets requests for the live feed leave HTTP, where there is one. Any other Upgrade header, h2c for one, is ignored and the
 * request answered as it is; so is that of a request that comes while another one of its socket is being answered.
 */
export const upgradeLiveFeed = (server: FastifyInstance): void => {
  const last = new WeakSet<IncomingMessage>();
  const shouldUpgradeCallback = (request: IncomingMessage): boolean => {
    if (isForLiveFeed(request) && !messageOf(request.socket) && server.hasRoute({ method: 'GET', url: '/ws' })) return true;
    if (!isAlone(request.socket)) last.add(request);
    return false;
  };
  Object.assign(server.server, { shouldUpgradeCallback });
  // Node has thrown away what came behind such a request. Its client learns that from the end of the connection.
  server.server.prependListener('request', ({ headers }, response) => {
    if (headers.upgrade !== undefined && last.has(response.req)) response.setHeader('connection', 'close');
  });
};

const isForLiveFeed = ({ method, url = '', headers }: IncomingMessage): boolean =>
  method === 'GET' && /^\/ws\/?(?:\?|$)/.test(url) && headers.upgrade?.toLowerCase() === 'websocket';

/** Whether a request that is being read came without others; where that cannot be told, it did not. */
const isAlone = (socket: Socket & { parser?: { getCurrentBuffer?: () => Buffer } | null }): boolean => {
  const read = socket.parser?.getCurrentBuffer?.();
  return read !== undefined && read.indexOf('\r\n\r\n') === read.length - 4;
};

/** Whether a request has left HTTP, by what Node made of the above. */
export const isUpgraded = (request: IncomingMessage & { upgrade?: boolean | null }): boolean => request.upgrade === true;
