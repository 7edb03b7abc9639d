import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openRig } from '../fixtures/application-rig.ts';
import { type Child, killNine, listening, startMain } from '../fixtures/child.ts';
import { anyStore, type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { startClients } from '../fixtures/http-clients.ts';
import { connectLive, subscribeLive } from '../fixtures/live-client.ts';
import { until } from '../fixtures/until.ts';

const places: Store[] = [];
const children: Child[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const child of children.splice(0)) await killNine(child);
  for (const place of places.splice(0)) await place.drop();
});

const placeOf = async (make: () => Promise<Store>): Promise<Store> => {
  const place = await make();
  places.push(place);
  return place;
};
const started = async (url: string, role = 'all'): Promise<{ child: Child; address: string }> => {
  const child = startMain({ DATABASE_URL: url }, role);
  children.push(child);
  const address = await listening(child);
  await until('it is ready', async () => (await fetch(`${address}/health/ready`)).ok);
  return { child, address };
};

/** A connection, the text that came over it, and when its other side ended it. */
const connection = async (address: string) => {
  const { hostname, port } = new URL(address);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  let text = '';
  socket.setEncoding('utf8').on('data', (data: string) => (text += data));
  const ended = once(socket, 'end');
  await once(socket, 'connect');
  return {
    text: () => text,
    ended,
    /** Sends these requests at once and waits for all answers. */
    ask: async (...paths: string[]): Promise<string[]> => {
      const before = text.length;
      socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`).join(''));
      const answers = () => text.slice(before).split(/(?=HTTP\/1\.1 )/);
      await until('all is answered', () => answers().length === paths.length && answers().every((one) => one.includes('}')));
      return answers();
    },
    write: (bytes: string) => void socket.write(bytes),
  };
};
const refuses = (address: string): Promise<boolean> =>
  fetch(`${address}/health/live`).then(
    () => false,
    (error) => error.cause?.code === 'ECONNREFUSED',
  );

describe.each(storeKinds())('SIGTERM with the data on $name', ({ name, available, make }) => {
  it.skipIf(!available)('fails none of a thousand requests in flight, and keeps what it acknowledged', async () => {
    const place = await placeOf(make);
    const { child, address } = await started(place.url, name === 'PGlite' ? 'all' : 'api');
    // So many changes at once are not too many within their budget on a busy machine either; the others read.
    const creating = startClients({ address, clients: 200 });
    const userId = await until('a user is created', () => creating.created[0]);
    const reading = startClients({ address, clients: 800, path: `/api/users/${userId}` });
    await until('the clients are at work', () => reading.answered() > 1_000);
    expect(creating.inFlight() + reading.inFlight()).toBe(1_000);
    child.process.kill('SIGTERM');
    await Promise.all([creating.ended, reading.ended]);
    expect([...creating.failures, ...reading.failures]).toEqual([]);
    expect(await child.exited, child.stderr()).toBe(0);

    const rig = await openRig(place.url);
    const logged = new Set((await rig.log()).map(({ stream }) => stream));
    await rig.close();
    expect(creating.created.filter((user_id) => !logged.has(`user-${user_id}`))).toEqual([]);
  });
});

describe('a service that is told to stop', () => {
  it('is not ready any more at once, tells live clients, serves open connections to the end, and waits for none that is silent', async () => {
    const { child, address } = await started((await placeOf(anyStore)).url);
    const live = await subscribeLive(`${address.replace('http', 'ws')}/ws`);
    const silent = await connectLive(`${address.replace('http', 'ws')}/ws`);
    silent.socket.pause();
    const [used, unused, early] = await Promise.all([connection(address), connection(address), connection(address)]);
    expect((await used.ask('/health/ready'))[0]).toMatch(/^HTTP\/1.1 200/);
    child.process.kill('SIGTERM');
    await until('it is not ready', async () => (await early.ask('/health/ready'))[0]?.startsWith('HTTP/1.1 503'));
    expect(early.text()).toContain('shutting-down');
    expect(await live.closed).toBe(1001);
    await until('the port is closed', () => refuses(address));

    const [first, second] = await used.ask('/health/live', '/health/live');
    expect(first).toMatch(/^HTTP\/1.1 200/);
    expect(second).toMatch(/^HTTP\/1.1 200/);
    expect(first).not.toMatch(/connection: close/i);
    expect(second).toMatch(/connection: close/i);
    await Promise.all([used.ended, unused.ended, early.ended]);
    expect(await child.exited).toBe(0);
    silent.socket.terminate();
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends at once when it is told a second time, by %s', async (signal) => {
    const { child, address } = await started((await placeOf(anyStore)).url);
    const slow = await connection(address);
    slow.write('POST /api/users/ HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{');
    child.process.kill('SIGTERM');
    await until('the port is closed', () => refuses(address));
    expect(child.process.exitCode).toBe(null);
    child.process.kill(signal);
    expect(await child.exited).toBe(1);
  });

  it.skipIf(process.platform === 'win32')('is told by the end of the npm that runs it', async () => {
    const { url } = await placeOf(anyStore);
    const npm = spawn('npm', ['start', '--silent'], {
      cwd: resolve(import.meta.dirname, '../..'),
      env: { PATH: process.env.PATH, HOME: process.env.HOME, APP_ENV: 'test', PORT: '0', LOG_LEVEL: 'error', DATABASE_URL: url },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    npm.stdout.setEncoding('utf8').on('data', (data: string) => (text += data));
    const closed = once(npm.stdout, 'close');
    const address = await until('it listens', () => / on (http:\S+) /.exec(text)?.[1]);
    npm.kill('SIGTERM');
    await until('the port is closed', () => refuses(address));
    // The service holds npm's output open until it ends.
    await closed;
    const next = await started(url);
    expect(await refuses(next.address)).toBe(false);
  });
});
