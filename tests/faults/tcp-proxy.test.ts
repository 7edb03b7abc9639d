import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startProxy, type TcpProxy } from '../fixtures/tcp-proxy.ts';
import { until } from '../fixtures/until.ts';

describe('the proxy of fault tests', () => {
  let proxy: TcpProxy;
  let close: () => void;
  const clients: Socket[] = [];
  /** A server that sends back what it is sent. */
  beforeEach(async () => {
    const server = createServer((socket) => void socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await startProxy(`tcp://127.0.0.1:${(server.address() as { port: number }).port}`);
    close = () => server.close();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await proxy.close();
    close();
  });

  /** A connection, with what it has received. */
  const dial = async () => {
    const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1');
    const state = { socket, received: '', end: false, closed: false };
    clients.push(socket);
    socket.on('data', (data) => (state.received += data)).on('end', () => (state.end = true));
    socket.on('close', () => (state.closed = true)).on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
    return state;
  };
  const echo = async (text: string, state: Awaited<ReturnType<typeof dial>>): Promise<number> => {
    const [before, started] = [state.received, performance.now()];
    state.socket.write(text);
    await until(`${text.length} characters come back`, () => state.received === before + text);
    return performance.now() - started;
  };

  it('passes everything on, in order', async () => {
    const client = await dial();
    for (let count = 0; count < 20; count++) await echo(`${count} `.repeat(10_000), client);
  });

  it('refuses new connections and keeps the old ones', async () => {
    const old = await dial();
    await proxy.set('refuse');
    expect((await dial()).closed).toBe(true);
    await echo('still here', old);
    await proxy.set('pass');
    await echo('back', await dial());
  });

  it('swallows everything, and hands it over when the network is back', async () => {
    const old = await dial();
    await echo('first', old);
    await proxy.set('blackhole');
    const fresh = await dial();
    for (const { socket } of [old, fresh]) socket.write(' later');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([old.received, fresh.received]).toEqual(['first', '']);
    await proxy.set('pass');
    await until('both are answered', () => old.received === 'first later' && fresh.received === ' later');
  });

  it('delays both directions', async () => {
    await proxy.set({ delay: 40 });
    expect(await echo('late', await dial())).toBeGreaterThan(75);
  });

  it('lets no more than so many bytes through in a second', async () => {
    await proxy.set({ throttle: 10_000 });
    expect(await echo('x'.repeat(1_000), await dial())).toBeGreaterThan(180);
  });

  it('cuts after so many bytes', async () => {
    await proxy.set({ cutAfter: 5 });
    const client = await dial();
    client.socket.write('0123456789');
    await until('it is cut', () => client.end);
    expect([client.received, proxy.cuts()]).toEqual(['01234', 1]);
  });

  it('ends one side and hears the other, and cuts all', async () => {
    const client = await dial();
    await echo('both', client);
    proxy.halfClose();
    await until('the server is done', () => client.end);
    const other = await dial();
    await until('it is through', () => proxy.connections() > 0);
    proxy.cutAll();
    await until('it is cut', () => other.closed);
  });
});
