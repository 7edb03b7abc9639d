import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CliContext } from '../../src/cli/context.ts';
import { release } from '../../src/cli/release.ts';
import { socketAddress } from '../../src/cli/socket/address.ts';
import { serveCommands } from '../../src/cli/socket/server.ts';
import { until } from '../fixtures/until.ts';

const form = { terminal: false, columns: 80, colour: false, json: false };
const events = { release, name: 'events', options: { follow: true }, form };

const PAGE = 500;

describe('the socket of the embedded database', () => {
  let folder: string;
  let stop: () => Promise<void>;
  let pagesRead: number;
  const clients: Socket[] = [];

  /** A log without an end, each event a kilobyte. */
  const endless = {
    readLog: async (after: number) => {
      pagesRead++;
      return Array.from({ length: PAGE }, (_, index) => ({ position: after + index + 1, type: 'UserCreated', text: 'x'.repeat(1_000) }));
    },
  };
  let asked: number;
  const quiet = {
    readLog: async () => {
      asked++;
      return [];
    },
  };
  const lending =
    (store: object): CliContext['withStore'] =>
    (work) =>
      work(store as never, { query: async () => [] } as never);

  const serve = async (store: object): Promise<void> => {
    stop = await serveCommands(folder, lending(store), (text) => expect.fail(text));
  };
  /** A client of ours, and all that it was answered. */
  const client = async (request?: object | string, reading = true) => {
    const socket = connect({ path: socketAddress(folder), allowHalfOpen: true });
    clients.push(socket);
    await once(socket, 'connect');
    let text = '';
    if (reading)
      socket.setEncoding('utf8').on('data', (more: string) => {
        text += more;
      });
    const closed = once(
      socket.on('error', () => {}),
      'close',
    );
    socket.on('end', () => socket.end());
    if (request !== undefined) socket.write(typeof request === 'string' ? request : `${JSON.stringify(request)}\n`);
    const replies = (): any[] =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line));
    return { socket, closed, replies };
  };
  /** All that is answered to the request until the end. */
  const answered = async (request: object | string): Promise<any[]> => {
    const { closed, replies } = await client(request);
    await closed;
    return replies();
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lumin-socket-'));
    pagesRead = 0;
    asked = 0;
  });
  afterEach(async () => {
    for (const socket of clients.splice(0)) socket.destroy();
    await stop?.();
    rmSync(folder, { recursive: true });
  });

  it('is its owner’s alone, and takes the place of one that a killed process has left', async () => {
    writeFileSync(join(folder, 'lumin.sock'), '');
    const old = process.umask(0);
    await serve(quiet);
    process.umask(old);
    expect(statSync(join(folder, 'lumin.sock')).mode & 0o777).toBe(0o600);
    expect(await answered({ ...events, options: {} })).toEqual([{ code: 0 }]);
  });

  it('reads no further page for a client that takes nothing, and serves others meanwhile', async () => {
    await serve(endless);
    const { socket } = await client(events, false);
    socket.pause();
    const read = await until('the socket is full', async () => {
      const before = pagesRead;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return before > 0 && before === pagesRead && before;
    });
    expect(read).toBeLessThan(20);
    expect(await answered({ ...events, name: 'nothing' })).toMatchObject([
      { err: expect.stringMatching(/knows no command nothing/) },
      { code: 1 },
    ]);

    // What waited comes whole and in order, once it is taken.
    let positions: number[] = [];
    let rest = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      const lines = `${rest}${text}`.split('\n');
      rest = lines.pop() ?? '';
      positions = positions.concat(lines.map((line) => JSON.parse(JSON.parse(line).out).position));
    });
    socket.resume();
    await until('more is read', () => pagesRead > read + 5);
    expect(positions.every((position, index) => position === index + 1)).toBe(true);
    socket.destroy();
    const settled = await until('the command has ended', async () => {
      const before = pagesRead;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return before === pagesRead;
    });
    expect(settled).toBe(true);
  });

  it('ends a command that its client gives up, and says how it ended', async () => {
    await serve(quiet);
    const { socket, closed, replies } = await client(events);
    socket.end();
    await closed;
    expect(replies()).toEqual([{ code: 0 }]);
  });

  it('runs eight commands at a time, and the next one once there is room', async () => {
    await serve(quiet);
    const running = await Promise.all(Array.from({ length: 8 }, () => client(events)));
    // Each is taken in before the next one is.
    await until('the ninth is refused', async () => (await answered({ ...events, options: {} })).length === 2);
    expect(await answered(events)).toEqual([{ err: 'lumin: 8 commands run in the service already; end one of them\n' }, { code: 1 }]);
    running[0]?.socket.end();
    await running[0]?.closed;
    expect(await answered({ ...events, options: {} })).toEqual([{ code: 0 }]);
  });

  it.each([
    ['of another release', { ...events, release: '9.9.9' }, /is release \S+, and this command is of 9\.9\.9/],
    [
      'that wants the database for itself',
      { ...events, name: 'migrate' },
      /^lumin: migrate wants the database for itself: stop the service \(process \d+\) first\n$/,
    ],
    ['that is not one of the database', { ...events, name: 'config' }, /knows no command config/],
    ['that no release has', { ...events, name: 'constructor' }, /knows no command constructor/],
  ])('refuses a command %s with one line', async (_, request, told) => {
    await serve(quiet);
    expect(await answered(request)).toEqual([{ err: expect.stringMatching(told) }, { code: 1 }]);
  });

  it('cuts off who sends no request, two, or a line without an end', async () => {
    await serve(quiet);
    const line = `${JSON.stringify(events)}\n`;
    expect(await answered('no JSON\n')).toMatchObject([{ err: expect.any(String) }, { code: 1 }]);
    await (await client(line + line)).closed;
    await (await client('x'.repeat(70_000))).closed;
    const silent = await client();
    await silent.closed;
    expect(silent.replies()).toEqual([]);
  });

  it('ends its commands when the process stops, says so, and leaves nothing behind', async () => {
    await serve(quiet);
    const following = await client(events);
    await until('it runs', () => asked > 0);
    await stop();
    await following.closed;
    expect(following.replies()).toEqual([{ err: 'lumin: the service stops\n' }, { code: 1 }]);
    expect(statSync(join(folder, 'lumin.sock'), { throwIfNoEntry: false })).toBeUndefined();
  });
});

describe('the address of the socket', () => {
  const long = `/${'very-long-name/'.repeat(8)}data`;

  it('is in the data folder, and of a folder with a long path in the run-time folder of its owner', () => {
    expect(socketAddress('/srv/lumin/data')).toBe('/srv/lumin/data/lumin.sock');
    expect(socketAddress(long, { XDG_RUNTIME_DIR: '/run/user/7' })).toMatch(/^\/run\/user\/7\/lumin-[\da-f]{16}\.sock$/);
    expect(socketAddress(`${long}2`, { XDG_RUNTIME_DIR: '/run/user/7' })).not.toBe(socketAddress(long, { XDG_RUNTIME_DIR: '/run/user/7' }));
  });

  it('is never longer than the system takes, counted in bytes', () => {
    for (let length = 60; length < 130; length++) {
      const address = socketAddress(`/${'я'.repeat(length / 2)}`, { XDG_RUNTIME_DIR: '/run/user/7' });
      expect(Buffer.byteLength(address)).toBeLessThanOrEqual(100);
    }
  });
});
