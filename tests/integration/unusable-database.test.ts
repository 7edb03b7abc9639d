import { once } from 'node:events';
import { createServer } from 'node:net';
import { pino } from 'pino';
import { describe, expect, inject, it } from 'vitest';
import { readConfig } from '../../src/infrastructure/container/config.ts';
import { buildApp } from '../../src/infrastructure/container/container.ts';
import { loggerOptions } from '../../src/infrastructure/container/logger.ts';
import type { Database } from '../../src/infrastructure/persistence/database/database.ts';
import { openPostgres } from '../../src/infrastructure/persistence/database/postgres.ts';
import { runLumin, startMain } from '../fixtures/child.ts';
import { makeDatabase } from '../fixtures/database-kinds.ts';
import { aUser, created } from '../fixtures/http.ts';
import { startService } from '../fixtures/http-service.ts';
import { newId } from '../fixtures/people.ts';
import { startProxy } from '../fixtures/tcp-proxy.ts';
import { until } from '../fixtures/until.ts';

const postgresUrl = inject('postgresUrl');
const NEEDED = postgresUrl === null ? ' [needs PostgreSQL: set TEST_DATABASE_URL or install it]' : '';
const LINE =
  /^lumin: the database "\w+" on \S+ has the encoding SQL_ASCII and cannot hold every text \(DATABASE_URL in the environment\): [^\n]+\n$/;

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

describe.skipIf(postgresUrl === null)(`a database whose tables are taken away under the service${NEEDED}`, () => {
  it.each([
    ['by steps back', (database: Database) => database.migrate('down')],
    [
      'all of them',
      (database: Database) => database.query('drop schema public cascade').then(() => database.query('create schema public')),
    ],
  ])('is not ready, %s: every request is 503, none 500, until they are there again', async (_, takeAway) => {
    const store = await makeDatabase(postgresUrl ?? '');
    const service = await startService(store.url);
    const { user_id } = await created(service);
    const owner = openPostgres(store.url, 1);
    await takeAway(owner);

    const asks: [string, string, (object | undefined)?, Record<string, string>?][] = [
      ['GET', '/health/ready'],
      ['GET', `/api/users/${user_id}`, undefined, { 'cache-control': 'no-cache' }],
      ['GET', `/api/users/${newId()}`],
      ['GET', '/api/users'],
      ['GET', '/api/users?q=ann'],
      ['GET', `/api/users/${user_id}/events`],
      ['GET', `/api/users/${user_id}/profile-views`],
      ['POST', '/api/users', aUser()],
      ['PATCH', `/api/users/${user_id}/bio`, { new_bio: 'x' }],
      ['PATCH', `/api/users/${user_id}/email`, { new_email: 'new@example.com' }],
      ['POST', `/api/users/${user_id}/profile-views`, { viewer_id: newId() }],
    ];
    const answers = await Promise.all(asks.map((ask) => service.request(...ask)));
    const codes = answers.map(({ status, body }, index) => [asks[index]?.[1], status, body.code]);
    // A step back leaves what it does not concern.
    expect(codes.filter(([, status]) => status !== 503 && status !== 200 && status !== 404)).toEqual([]);
    expect(codes[0]).toEqual(['/health/ready', 503, 'store-unavailable']);
    for (const change of codes.slice(7)) expect(change.slice(1)).toEqual([503, 'store-unavailable']);
    expect(service.logs.filter((line) => line.includes('are gone'))).toHaveLength(1);

    await owner.migrate('up');
    await until('it is ready', async () => (await service.request('GET', '/health/ready')).status === 200);
    expect((await service.request('POST', '/api/users', aUser())).status).toBe(201);
    await service.stop();
    await owner.close();
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
    ['has no TLS', Buffer.from('N'), 'offers no TLS, and sslmode asks for it'],
    ['has no such database', refusal('3D000', 'database "secret" does not exist'), 'the database \\"d\\" does not exist on 127.0.0.1:PORT'],
    ['is a pooler that refuses', refusal('08P01', 'unsupported startup parameter: secret'), 'does not take what drivers say'],
    ['says what nobody knows', refusal('XX000', 'secret'), 'says XX000'],
  ])('says why, once, and no value, where it %s', async (_, answer, reason) => {
    const { url, close } = await server(answer);
    const { app, logs } = await started(`${url}?sslmode=${answer.length === 1 ? 'require' : 'disable'}`);
    await until('it is said', () => logs.length > 0);
    await app.stop();
    close();
    expect(logs).toEqual([expect.stringContaining(`${reason.replace('PORT', new URL(url).port)} (DATABASE_URL in the environment): `)]);
    expect(logs.join()).not.toMatch(/secret|stack/);
  });
});
