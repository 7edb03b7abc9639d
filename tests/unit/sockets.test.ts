import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import type { Health } from '../../src/presentation/api/dependencies.ts';
import { baseServer, type ServerOptions } from '../../src/presentation/api/http/base-server.ts';
import { get, type RawClient, rawClient } from '../fixtures/raw-client.ts';
import { until } from '../fixtures/until.ts';

const servers: FastifyInstance[] = [];
const clients: RawClient[] = [];
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) await server.close();
});

let open = 0;
const health = {
  beginRequest: () => {
    open++;
    return () => open--;
  },
  observeRequest: () => {},
  unserved: () => {},
} as unknown as Health;

/** A server on a port, with quick limits; its routes say how many requests are worked on. */
const served = async (limits: ServerOptions['limits'] = {}) => {
  open = 0;
  const options = { log: pino({ level: 'silent' }), newRequestId: () => 'one', now: () => new Date() };
  const counts = { now: 0, most: 0, begun: 0, large: 0 };
  const work = async () => {
    counts.begun++;
    counts.most = Math.max(counts.most, ++counts.now);
    await sleep(1);
    counts.now--;
    return 'done';
  };
  const server = await baseServer(health, { ...options, limits: { tickMs: 20, ...limits } }, (server) => {
    server.get('/work', work);
    server.post('/work', work);
    server.get('/large', { config: { answerBytes: () => 1_000_000 } }, () => {
      counts.large++;
      return 'x'.repeat(1_000_000);
    });
    server.get('/bytes', (_, reply) => reply.send(Buffer.alloc(8_000_000)));
    server.get('/never', () => new Promise(() => {}));
  });
  servers.push(server);
  const address = await server.listen({ host: '127.0.0.1', port: 0 });
  const connected = () => new Promise<number>((resolve) => server.server.getConnections((_, count) => resolve(count)));
  return {
    counts,
    connected,
    none: () => until('the server has closed all sockets', async () => (await connected()) === 0),
    client: async (bytes: string, options?: { reads?: boolean }): Promise<RawClient> => {
      const client = await rawClient(address, bytes, options);
      clients.push(client);
      return client;
    },
  };
};

const post = `POST /work HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`;

describe('requests that come at once over one socket', () => {
  it.each([
    ['reads', get('/work')],
    ['changes', post],
    ['paths that are not there', get('/nothing')],
    ['reads and changes', get('/work') + post],
  ])('are worked on a few at a time, and all are answered: %s', async (_, bytes) => {
    const { client, counts } = await served();
    const count = 1_000 * (bytes.match(/HTTP\/1.1/g)?.length ?? 0);
    const { statuses } = await client(bytes.repeat(1_000));
    await until('all are answered', () => statuses().length === count);
    expect(counts.most).toBeLessThanOrEqual(4);
    expect(new Set(statuses()).size).toBe(1);
  });

  it('are answered in their order, where a request comes alone, with others, and alone again', async () => {
    const { client } = await served();
    const { socket, statuses } = await client(get('/work'));
    for (const [sent, all] of [
      [get('/work') + get('/nothing') + get('/work').repeat(6) + get('/nothing'), [200, 200, 404, 200, 200, 200, 200, 200, 200, 404]],
      [get('/nothing'), [200, 200, 404, 200, 200, 200, 200, 200, 200, 404, 404]],
    ] as const) {
      socket.write(sent);
      await until('all are answered', () => statuses().length === all.length);
      expect(statuses()).toEqual(all);
    }
  });

  it('are not read while others of the socket wait, and forgotten when it breaks', async () => {
    const { client, none } = await served({ answerMs: 300 });
    await client(get('/never').repeat(3_000));
    await until('the first are begun', () => open === 4);
    await none();
    await until('nothing is under way', () => open === 0);
  });

  it('cut off the socket with the most of them, where too many wait on all sockets together', async () => {
    const { client, connected } = await served({ answerMs: 3_000 });
    const few = await client(get('/never').repeat(10));
    await until('it is connected', async () => (await connected()) === 1);
    const many = await Promise.all(Array.from({ length: 8 }, () => client(get('/never').repeat(1_800))));
    await Promise.race(many.map(({ ended }) => ended));
    expect(few.socket.destroyed).toBe(false);
  });
});

describe('a socket is closed', () => {
  it.each(['/large', '/bytes'])('when its client takes nothing of %s for a while', async (path) => {
    const { client, none } = await served({ stalledMs: 200, pressedMs: 200 });
    await client(get(path).repeat(20), { reads: false });
    await none();
  });

  it('when its client goes on sending without a request', async () => {
    const { client, none } = await served({ idleMs: 200 });
    const [fresh, used] = [await client('\r\n'), await client(get('/work'))];
    const drip = setInterval(() => [fresh, used].map(({ socket }) => socket.write('\r\n')), 20);
    await none();
    clearInterval(drip);
  });

  it('when its client leaves it open after a refusal', async () => {
    const { client, none } = await served({ stalledMs: 200 });
    const refused = await client('no request\r\n\r\n', { reads: false });
    expect(refused.socket.destroyed).toBe(false);
    await none();
  });

  it('when an answer does not come', async () => {
    const { client, none } = await served({ answerMs: 200 });
    await client(get('/never'));
    await none();
  });

  it('and not while an answer leaves it slowly, or a client waits', async () => {
    const limitMs = 1_000;
    const { client } = await served({ stalledMs: limitMs, idleMs: limitMs });
    /** What came of the client; null where the machine made a pause, and with it the client. */
    const sipped = async (): Promise<'taken slowly' | 'taken at once' | 'closed' | null> => {
      const began = performance.now();
      const slow = await client(get('/bytes').repeat(2), { reads: false });
      let [taken, last, longest] = [0, began, 0];
      slow.socket.on('data', (data) => {
        taken += data.length;
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
        slow.socket.pause();
      });
      const sip = setInterval(() => slow.socket.resume(), 5);
      await until('all is taken, or it is closed', () => taken > 16_000_000 || slow.socket.closed);
      clearInterval(sip);
      if (taken > 16_000_000) return performance.now() - began > limitMs ? 'taken slowly' : 'taken at once';
      return Math.max(longest, performance.now() - last) > limitMs / 2 ? null : 'closed';
    };
    expect(await until('the machine makes no pause', sipped)).toBe('taken slowly');
  });
});

describe('what clients have sent of requests', () => {
  const head = `POST /work HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n`;

  it('is bounded for large bodies together; another one is refused with 503, a small one is read', async () => {
    const { client } = await served({ bodyRoomBytes: 130_000 });
    const slow = [await client(`${head}Content-Length: 60000\r\n\r\n{`), await client(`${head}Transfer-Encoding: chunked\r\n\r\n1\r\n{`)];
    await until('both are begun', () => open === 2);
    const [large, small] = [await client(`${head}Content-Length: 60000\r\n\r\n{`), await client(post)];
    await until('both are answered', () => large.statuses().length + small.statuses().length === 2);
    expect([large.statuses(), small.statuses()]).toEqual([[503], [200]]);
    for (const { socket } of slow) socket.destroy();
    await until('both are gone', () => open === 0);
    const again = await client(`${head}Content-Length: 60000\r\n\r\n{"a":"${'x'.repeat(59_992)}"}`);
    await until('it is answered', () => again.statuses().length === 1);
    expect(again.statuses()).toEqual([200]);
  });

  it('is at most 100 headers', async () => {
    const { client } = await served();
    for (const [count, status] of [
      [99, 200],
      [100, 431],
    ] as const) {
      const asked = await client(`GET /work HTTP/1.1\r\nHost: here\r\n${'a: b\r\n'.repeat(count)}\r\n`);
      await until('it is answered', () => asked.statuses().length === 1);
      expect(asked.statuses()).toEqual([status]);
    }
  });

  it('is kept for so many sockets that send no request; of more, the oldest are closed', async () => {
    const { client, connected } = await served({ newSockets: 20 });
    const answered = await client(get('/work'));
    await until('it is answered', () => answered.statuses().length === 1);
    const busy = await client(get('/never'));
    await until('it is begun', () => open === 1);
    const heads = await Promise.all(Array.from({ length: 100 }, () => client('GET /work HTTP/1.1\r\nHost: he')));
    await until('the first of them are closed', async () => (await connected()) <= 23 && heads[0]?.socket.destroyed);
    expect([answered, busy].map(({ socket }) => socket.destroyed)).toEqual([false, false]);
    const late = await client(get('/work'));
    await until('it is answered', () => late.statuses().length === 1);
  });

  it('is bounded for requests together of which nothing is answered, also on sockets that were answered before', async () => {
    const { client } = await served({ requestRoomBytes: 50_000 });
    const made = await Promise.all(Array.from({ length: 20 }, () => client(get('/work'))));
    await until('all are answered', () => made.every(({ statuses }) => statuses().length === 1));
    const [quiet, ...others] = made;
    for (const { socket } of others) socket.write(`GET /work HTTP/1.1\r\nHost: here\r\na: ${'x'.repeat(5_000)}`);
    // As many are closed as it takes, those with most first. What comes later counts at later looks, so nine may stay.
    await until('those beyond the room are closed', () => others.filter(({ socket }) => socket.destroyed).length >= 10);
    expect(quiet?.socket.destroyed).toBe(false);
    expect(others.some(({ socket }) => !socket.destroyed)).toBe(true);
  });

  it('is bounded for whole requests too, whose answers nobody takes', async () => {
    const { client } = await served({ requestRoomBytes: 50_000, stalledMs: 60_000, pressedMs: 60_000 });
    const request = `GET /bytes HTTP/1.1\r\nHost: here\r\na: ${'x'.repeat(5_000)}\r\n\r\n`;
    const stalled = await Promise.all(Array.from({ length: 20 }, () => client(request, { reads: false })));
    await until('some are closed', () => {
      for (const { socket } of stalled) socket.write(request);
      return stalled.filter(({ socket }) => socket.destroyed).length > 0;
    });
  });

  it('is closed at once where there are too many', async () => {
    const { client } = await served({ sockets: 5 });
    const kept = await Promise.all(Array.from({ length: 5 }, () => client(get('/work'))));
    await until('all are answered', () => kept.every(({ statuses }) => statuses().length === 1));
    await (await client(get('/work'))).ended;
    expect(kept.some(({ socket }) => socket.destroyed)).toBe(false);
  });
});

describe('large answers', () => {
  it('wait for room, and are refused with 503 where none comes', async () => {
    const { client } = await served({ roomBytes: 2_500_000, roomMs: 100, stalledMs: 60_000, pressedMs: 60_000 });
    const held = await Promise.all(Array.from({ length: 2 }, () => client(get('/large').repeat(30), { reads: false })));
    const refused = await until('there is no room', async () => {
      const asked = await client(get('/large'));
      await until('it is answered', () => asked.statuses().length === 1);
      return asked.statuses()[0] === 503 && asked;
    });
    expect(refused.text()).toMatch(/HTTP\/1.1 503 [\s\S]*retry-after: 1[\s\S]*"code":"overloaded"/);
    for (const { socket } of held) socket.destroy();
    const later = await client(get('/large'));
    await until('it is answered', () => later.statuses().length === 1);
    expect(later.statuses()).toEqual([200]);
  });

  it('are not made for clients that have gone while they waited', async () => {
    const { client, counts, connected } = await served({ roomBytes: 2_500_000, roomMs: 60_000, stalledMs: 60_000, pressedMs: 60_000 });
    const held = await Promise.all(Array.from({ length: 2 }, () => client(get('/large').repeat(30), { reads: false })));
    await until('the room is full', () => counts.large >= 2);
    const waiting = await Promise.all(Array.from({ length: 20 }, () => client(get('/large'))));
    await until('all are connected', async () => (await connected()) === 22);
    for (const { socket } of waiting) socket.destroy();
    await until('they have gone', async () => (await connected()) === 2);
    const before = counts.large;
    const last = await client(get('/large'));
    for (const { socket } of held) socket.destroy();
    await until('it is answered', () => last.statuses().length === 1);
    expect(counts.large - before).toBeLessThan(10);
  });

  it('have room again soon where others take nothing', async () => {
    const { client } = await served({ roomBytes: 2_500_000, pressedMs: 100 });
    for (let count = 0; count < 2; count++) await client(get('/large').repeat(30), { reads: false });
    const waiting = await client(get('/large').repeat(10));
    await until('all are answered', () => waiting.statuses().length === 10);
    expect(waiting.statuses()).toEqual(Array(10).fill(200));
  });
});
