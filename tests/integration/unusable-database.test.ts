import { once } from 'node:events';
import { createServer } from 'node:net';
import { pino } from 'pino';
import { describe, expect, inject, it } from 'vitest';
import { readConfig } from '../../src/infrastructure/container/config.ts';
import { buildApp } from '../../src/infrastructure/container/container.ts';
import { loggerOptions } from '../../src/infrastructure/container/logger.ts';
import { runLumin, startMain } from '../fixtures/child.ts';
import { makeDatabase } from '../fixtures/database-kinds.ts';
import { startProxy } from '../fixtures/tcp-proxy.ts';
import { until } from '../fixtures/until.ts';

const postgresUrl = inject('postgresUrl');
const NEEDED = postgresUrl === null ? ' [needs PostgreSQL: set TEST_DATABASE_URL or install it]' : '';
const LINE = /^lumin: the database has the encoding SQL_ASCII and cannot hold every text[^\n]+\n$/;

/** The application, started, and its log. */
const started = async (url: string) => {
  const logs: string[] = [];
  const config = readConfig({ APP_ENV: 'test', LOG_LEVEL: 'warn', DATABASE_URL: url });
  const app = await buildApp(config, pino(loggerOptions(config), { write: (line: string) => logs.push(line) }));
  await app.start();
  return { app, logs };
};

describe.skipIf(postgresUrl === null)(`a database that cannot hold every text${NEEDED}`, () => {
  it('is refused with one line: at the start, by commands, and where it comes later', async () => {
    const store = await makeDatabase(postgresUrl ?? '', `encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'`);
    const child = startMain({ DATABASE_URL: store.url });
    const command = await runLumin(['migrate'], { DATABASE_URL: store.url });
    expect(command).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(LINE) });
    expect({ code: await child.exited, stdout: child.stdout(), stderr: child.stderr() }).toEqual(command);

    const proxy = await startProxy(store.url);
    await proxy.set('refuse');
    const { app, logs } = await started(proxy.url);
    await proxy.set('pass');
    await until('it is said', () => logs.some((line) => line.includes('cannot hold every text')));
    await expect(app.checkReady()).rejects.toMatchObject({ code: expect.any(String) });
    await app.stop();
    await proxy.close();
    await store.drop();
  });
});

describe('the log of a service whose database cannot be reached', () => {
  /** A server that knows no TLS, or says this instead of an answer. */
  const server = async (answer: Buffer) => {
    const listening = createServer((socket) => socket.on('error', () => {}).once('data', () => socket.end(answer)));
    await once(listening.listen(0, '127.0.0.1'), 'listening');
    const { port } = listening.address() as { port: number };
    return { url: `postgresql://u:p@127.0.0.1:${port}/d`, close: () => listening.close() };
  };
  const refusal = (code: string, text: string): Buffer => {
    const body = Buffer.from(`SFATAL\0C${code}\0M${text}\0\0`);
    return Buffer.concat([Buffer.from('E'), Buffer.from([0, 0, 0, body.length + 4]), body]);
  };

  it.each<[string, Buffer, string]>([
    ['has no TLS', Buffer.from('N'), 'The server does not support SSL connections'],
    ['has no such database', refusal('3D000', 'database "secret" does not exist'), '3D000 there is no such database'],
    ['is a pooler that refuses', refusal('08P01', 'unsupported startup parameter: secret'), '08P01 unsupported startup parameter'],
    ['says what nobody knows', refusal('XX000', 'secret'), 'XX000'],
  ])('says why, once, and no value, where it %s', async (_, answer, reason) => {
    const { url, close } = await server(answer);
    const { app, logs } = await started(`${url}?sslmode=${answer.length === 1 ? 'require' : 'disable'}`);
    await until('it is said', () => logs.length > 0);
    await app.stop();
    close();
    expect(logs.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({
        msg: 'the database is not ready; trying again',
        err: { type: 'StoreFailure', message: `unsent (${reason})` },
      }),
    ]);
  });
});
