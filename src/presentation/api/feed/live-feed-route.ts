import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../../domain/problem.ts';
import type { Api } from '../dependencies.ts';
import { isOwnOrigin } from '../http/browser-guard.ts';
import { parseJsonBody } from '../http/json-body.ts';
import { fieldErrors, validator } from '../http/validation.ts';
import { type SubscribeMessage, subscribeMessage } from '../schemas/live-feed.ts';
import { feedRoom } from './feed-room.ts';
import { type Limits, limits as presets, serveConnection } from './live-feed-connection.ts';

const MESSAGE_BYTES = 16 * 1024;
/** Parts that a message, and a frame, may come in: each costs more than its bytes. */
const MESSAGE_PARTS = 64;
/** How long a client may take to answer a close before it is cut off. Well below what a stopping process has. */
const CLOSE_MS = 3_000;
const GOING_AWAY = 1001;
const INTERNAL_ERROR = 1011;

/** The live feed, `/ws`; its protocol is in docs/live-feed.md. Comes after all other routes: the plugin wraps those that follow it. */
export const liveFeedRoute = async (
  server: FastifyInstance,
  api: Api,
  allowedOrigins: readonly string[],
  changes: Partial<Limits> = {},
): Promise<void> => {
  const limits = { ...presets, ...changes };
  const validate = validator(api.now).compile(subscribeMessage);
  const parse = (message: Buffer): SubscribeMessage => {
    const value = parseJsonBody(message);
    if (!validate(value)) throw new Problem('validation-failed', { errors: fieldErrors((validate.errors ?? []) as [], api.now()) });
    return value as SubscribeMessage;
  };

  const options = {
    maxPayload: MESSAGE_BYTES,
    maxFragments: MESSAGE_PARTS,
    maxBufferedChunks: MESSAGE_PARTS,
    perMessageDeflate: false,
    closeTimeout: CLOSE_MS,
  };
  const room = feedRoom(limits.roomBytes);
  await server.register(websocket, {
    options,
    errorHandler(error, socket, request) {
      request.log.debug({ err: error }, 'a live connection broke');
      socket.close(INTERNAL_ERROR);
    },
    preClose(done) {
      for (const client of server.websocketServer.clients) client.close(GOING_AWAY, 'stopping');
      server.websocketServer.close();
      done();
    },
  });

  // A page that came from here reads by HTTP all that the feed would tell it.
  const mayConnect = ({ origin, host = '' }: FastifyRequest['headers']): boolean =>
    origin === undefined || allowedOrigins.includes(origin) || isOwnOrigin(origin, host);

  const admit = async ({ headers, ws }: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (api.state() === 'stopping') throw new Problem('shutting-down');
    const unready = api.startProblem();
    if (unready) throw unready;
    if (!ws) {
      const closes = reply.raw.hasHeader('connection');
      reply.header('upgrade', 'websocket').header('connection', closes ? 'upgrade, close' : 'upgrade');
      const detail = 'an upgrade must be the only request under way on its connection';
      throw new Problem('upgrade-required', headers.upgrade?.toLowerCase() === 'websocket' ? { detail } : {});
    }
    if (!mayConnect(headers)) throw new Problem('origin-not-allowed');
    if (server.websocketServer.clients.size >= limits.clients) throw new Problem('overloaded');
  };

  server.route({
    method: 'GET',
    url: '/ws',
    // What stands in a URL ends up in the logs of proxies: nothing may be said there.
    schema: { hide: true, querystring: { type: 'object', properties: {}, additionalProperties: false } },
    onRequest: admit,
    handler: () => undefined,
    wsHandler: (socket, request) => serveConnection(api, parse, limits, room, socket, request),
  });
};
