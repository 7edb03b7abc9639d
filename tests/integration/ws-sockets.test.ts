import { pino } from 'pino';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Health } from '../../src/presentation/api/dependencies.ts';
import { buildWorkerServer } from '../../src/presentation/api/worker-server.ts';
import { useService } from '../fixtures/http-service.ts';
import { liveUrl, subscribeLive } from '../fixtures/live-client.ts';
import { frame, get, type RawClient, rawClient, upgrade } from '../fixtures/raw-client.ts';
import { until } from '../fixtures/until.ts';

const service = useService({ limits: { tickMs: 20, stalledMs: 300 } });
let address: string;
const clients: RawClient[] = [];

beforeAll(async () => {
  address = (await liveUrl(service)).replace('ws', 'http');
});
afterEach(() => {
  for (const { socket } of clients.splice(0)) socket.destroy();
});

const client = async (bytes: string): Promise<RawClient> => {
  const made = await rawClient(address, bytes);
  clients.push(made);
  return made;
};
const none = () =>
  until(
    'the server has closed all sockets',
    () => new Promise((resolve) => service.server.server.getConnections((_, count) => resolve(count === 0))),
  );

describe('an upgrade that comes', () => {
  it.each([
    ['behind a request', get('/health/live') + upgrade(), [200, 426]],
    ['behind many', get('/api/users').repeat(20) + upgrade(), [...Array(20).fill(200), 426]],
    ['between requests', get('/health/live') + upgrade() + get('/health/live'), [200, 426]],
    ['behind one that is refused', get('/nothing') + upgrade(), [404, 426]],
  ])('%s in one packet is answered in its turn, as one that cannot be', async (_, bytes, statuses) => {
    const answered = await client(bytes);
    await until('all is answered', () => answered.statuses().length === statuses.length);
    expect(answered.statuses()).toEqual(statuses);
    expect(answered.text()).toContain('only request under way');
    await answered.ended;
  });

  it.each(['h2c', 'websocket'])(
    'for %s where there is none, before requests in one packet, is answered, and the connection closed',
    async (to) => {
      const { statuses, ended } = await client(
        get('/health/live').replace('Host', `Connection: Upgrade\r\nUpgrade: ${to}\r\nHost`) + get('/health'),
      );
      await ended;
      expect(statuses()).toEqual([200]);
    },
  );

  it('twice in one packet is closed, because the second is no frame', async () => {
    const twice = await client(upgrade() + upgrade());
    await twice.ended;
    expect(twice.statuses()).toEqual([101]);
  });

  it.each([
    ['is refused by the service', upgrade().replace('/ws', '/ws?a=b'), 422],
    ['is no handshake', upgrade().replace(/Sec-WebSocket-Key.*\r\n/, ''), 400],
  ])('and %s leaves no socket open, whatever its client does', async (_, bytes, status) => {
    const refused = await rawClient(address, bytes, { reads: false });
    clients.push(refused);
    await none();
    const read = await client(bytes);
    await read.ended;
    expect(read.statuses()).toEqual([status]);
  });
});

describe('a live connection is closed', () => {
  const flooded = async (bytes: Buffer): Promise<void> => {
    const flood = await client(upgrade());
    await until('it is a WebSocket', () => flood.statuses()[0] === 101);
    const writing = setInterval(() => flood.socket.write(bytes), 5);
    // 1008, policy violation.
    await until('it is told why', () => flood.text().includes('\x88') && flood.text().includes('\x03\xf0'));
    clearInterval(writing);
  };

  it('when its client sends pongs that nobody asked for', () => flooded(frame(10)));
  it('when its client sends a message in parts without end, and without content', () =>
    flooded(
      Buffer.concat(
        [frame(1).with(0, 0x01), ...Array.from({ length: 100 }, () => frame(0).with(0, 0x00))].map((part) => Buffer.from(part)),
      ),
    ));
  it('when its client sends a message byte by byte', async () => {
    const slow = await client(upgrade());
    await until('it is a WebSocket', () => slow.statuses()[0] === 101);
    const bytes = frame(1, 'x'.repeat(125));
    let sent = 0;
    const writing = setInterval(() => slow.socket.write(bytes.subarray(sent, ++sent)), 3);
    await slow.ended;
    clearInterval(writing);
    expect(sent).toBeLessThanOrEqual(bytes.length);
  });

  it('and not when it is quiet', async () => {
    const live = await subscribeLive(await liveUrlOf());
    const other = await client(get('/health/live').repeat(3));
    await until('it is answered', () => other.statuses().length === 3);
    expect(live.socket.readyState).toBe(live.socket.OPEN);
    await live.close();
  });
  const liveUrlOf = () => Promise.resolve(address.replace('http', 'ws'));
});

describe('the port of a worker', () => {
  it('answers an upgrade, pipelined requests and bodies as the API does', async () => {
    const health = {
      state: () => 'serving',
      startProblem: () => null,
      beginRequest: () => () => {},
      observeRequest: () => {},
      unserved: () => {},
    } as unknown as Health;
    const server = await buildWorkerServer(health, { log: pino({ level: 'silent' }), newRequestId: () => 'one', now: () => new Date() });
    const worker = await rawClient(
      await server.listen({ host: '127.0.0.1', port: 0 }),
      get('/health/live').repeat(50) + get('/problems/not-found') + upgrade(),
    );
    await worker.ended;
    expect(worker.statuses()).toEqual([...Array(51).fill(200), 404]);
    expect(worker.text()).not.toContain('../docs');
    worker.socket.destroy();
    const refused = await server.inject({ method: 'POST', url: '/health', headers: { 'content-type': 'text/xml' }, payload: '<a/>' });
    expect(refused.json()).toMatchObject({ code: 'method-not-allowed', request_id: 'one' });
    await server.close();
  });
});
