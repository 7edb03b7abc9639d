import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { created } from '../fixtures/http.ts';
import { startOwnService, useService } from '../fixtures/http-service.ts';
import { connectLive, liveUrl, refusal, subscribeLive } from '../fixtures/live-client.ts';
import { until } from '../fixtures/until.ts';

/** A client that says it wants the events, and reads nothing after the handshake. */
const readsNothing = async (url: string, message: object): Promise<Socket> => {
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  const key = randomBytes(16).toString('base64');
  socket.write(
    `GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  await once(socket, 'data');
  socket.pause();
  // A frame as clients send them: masked, here with zeros.
  const text = Buffer.from(JSON.stringify(message));
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]));
  return socket;
};

/** Reads on, up to the frame that closes with 1013. */
const farewell = async (socket: Socket): Promise<void> => {
  let last = Buffer.alloc(0);
  socket.on('data', (data) => {
    last = Buffer.concat([last, data]).subarray(-200);
  });
  socket.resume();
  await until('it is told why', () => last.includes(Buffer.from('\x88\x0a\x03\xf5too slow', 'latin1')));
  socket.destroy();
};

describe('a client that does not read', () => {
  // Less than what a socket holds by itself is not noticed; with personal data, few events fill it.
  const service = useService({ env: { EVENTS_PERSONAL: 'include' }, liveFeed: { heartbeatMs: 600_000, drainMs: 1_000 } });
  let url: string;
  let users: { user_id: string }[];

  beforeAll(async () => {
    url = await liveUrl(service);
    users = await Promise.all(Array.from({ length: 20 }, () => created(service)));
  });

  let round = 0;
  /** Makes about 240 kB of events: who is cut off is soon read from, for the server waits three seconds for that. */
  const writeMuch = async (): Promise<void> => {
    for (const end = round + 10; round < end; round++) {
      const new_bio = `${round} ${'ж'.repeat(450)}`;
      const answers = await Promise.all(users.map(({ user_id }) => service.request('PATCH', `/api/users/${user_id}/bio`, { new_bio })));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    }
  };

  it('is closed while it is live, once 1 MiB waits for it; the others get everything', async () => {
    const reader = await subscribeLive(url);
    const stalled = await Promise.all(Array.from({ length: 3 }, () => readsNothing(url, { op: 'subscribe' })));
    await until('all follow', () => service.app.liveFeed.readers() === 4);
    const after = Number(reader.messages[0].position);
    await until(
      'they are cut off',
      async () => {
        await writeMuch();
        return service.app.liveFeed.readers() === 1;
      },
      100_000,
    );
    await Promise.all(stalled.map(farewell));
    const head = await service.app.liveFeed.head();
    await until('the reader has it all', () => reader.events().at(-1)?.position === String(head));
    expect(reader.events().map(({ position }) => Number(position))).toEqual(
      Array.from({ length: head - after }, (_, nth) => after + 1 + nth),
    );
    await reader.close();
  });

  it('is closed while it catches up, once nothing has gone for a while; the others catch up', async () => {
    const head = await service.app.liveFeed.head();
    const stalled = await readsNothing(url, { op: 'subscribe', after: '0' });
    const reader = await subscribeLive(url, { after: '0' });
    await until('the reader has it all', () => reader.events().length === head);
    await until('the other is cut off', () => service.app.liveFeed.readers() === 1);
    await farewell(stalled);
    await reader.close();
  });
});

describe('a live connection', () => {
  it('is kept while its client answers pings, and cut off once the last two were not answered', async () => {
    const service = await startOwnService({ liveFeed: { heartbeatMs: 50 } });
    const url = await liveUrl(service);
    const alive = await subscribeLive(url);
    const dead = await connectLive(url, { autoPong: false });
    let pings = 0;
    dead.socket.on('ping', () => pings++);
    expect(await dead.closed).toBe(1006);
    expect(pings).toBe(2);
    expect(alive.socket.readyState).toBe(alive.socket.OPEN);
    await alive.close();
    await service.stop();
  });

  it('is refused while the service stops, and closed with 1001; the service waits for no client that does not answer', async () => {
    const service = await startOwnService();
    const url = await liveUrl(service);
    const clients = await Promise.all(Array.from({ length: 20 }, () => subscribeLive(url)));
    const mute = await readsNothing(url, { op: 'subscribe' });
    await until('all follow', () => service.app.liveFeed.readers() === 21);
    const began = performance.now();
    service.app.beginStop();
    expect(await refusal(url)).toMatchObject({ status: 503, body: { code: 'shutting-down' } });
    const stopped = service.stop();
    expect(new Set(await Promise.all(clients.map(({ closed }) => closed)))).toEqual(new Set([1001]));
    await stopped;
    expect(performance.now() - began).toBeLessThan(20_000);
    mute.destroy();
  });
});
