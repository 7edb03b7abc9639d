import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { Redis as Client } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { openNats } from '../../src/infrastructure/connections/nats.ts';
import { openRedis, type Redis } from '../../src/infrastructure/connections/redis.ts';
import { makeDatabase } from '../fixtures/database-kinds.ts';
import { aUser, created } from '../fixtures/http.ts';
import { startService } from '../fixtures/http-service.ts';
import { findNats, findRedis, type OwnServer, startNats, startRedis } from '../fixtures/own-servers.ts';
import { startProxy } from '../fixtures/tcp-proxy.ts';
import { told } from '../fixtures/told.ts';
import { until } from '../fixtures/until.ts';

const postgresUrl = inject('postgresUrl');
const PATIENT_MS = 10_000;

describe.skipIf(postgresUrl === null)('a service without PostgreSQL [needs PostgreSQL]', () => {
  it('writes one line, whoever meets it and however often, and one when it is back', async () => {
    const store = await makeDatabase(postgresUrl ?? '');
    const proxy = await startProxy(store.url);
    const service = await startService(proxy.url);
    const { user_id } = await created(service);
    const said = () => service.logs.map((line) => JSON.parse(line)).filter(({ msg }) => msg !== 'request');
    const before = said().length;

    await proxy.set('refuse');
    proxy.cutAll();
    const statuses = new Set<number>();
    const url = `/api/users/${user_id}`;
    for (let round = 0; round < 20; round++) {
      const reads = Array.from({ length: 10 }, () => service.request('GET', url, undefined, { 'cache-control': 'no-cache' }));
      for (const { status } of await Promise.all([...reads, service.request('GET', '/health/ready')])) statuses.add(status);
    }
    expect((await service.request('POST', '/api/users', aUser())).status).toBe(503);
    expect([...statuses]).toEqual([503]);
    const requests = service.logs.map((line) => JSON.parse(line)).filter(({ status }) => status === 503);
    expect(new Set(requests.map(({ level, code }) => `${level} ${code}`))).toEqual(new Set(['info store-unavailable']));
    expect(requests.length).toBeGreaterThan(200);
    await until('it is said', () => said().length > before);
    await proxy.set('pass');
    await until('its end is said', () => said().some(({ msg }) => msg.startsWith('PostgreSQL is back after ')));
    const lines = said().slice(before);
    expect(lines.map(({ msg }) => msg.split(/: | after/)[0])).toEqual(['PostgreSQL cannot be reached', 'PostgreSQL is back']);
    expect(JSON.stringify(lines)).not.toContain('stack');
    await service.stop();
    await proxy.close();
    await store.drop();
  });
});

describe.skipIf(postgresUrl === null)('a service whose PostgreSQL takes no changes [needs PostgreSQL]', () => {
  it('writes one line, whoever meets it and however often, and one when it takes them again', async () => {
    const store = await makeDatabase(postgresUrl ?? '');
    const name = new URL(store.url).pathname.slice(1);
    const proxy = await startProxy(store.url);
    const service = await startService(proxy.url);
    const { user_id } = await created(service);
    const admin = new pg.Client({ connectionString: postgresUrl ?? '' });
    await admin.connect();
    const readOnly = async (value: 'on' | 'off') => {
      await admin.query(`alter database ${pg.escapeIdentifier(name)} set default_transaction_read_only = ${value}`);
      proxy.cutAll();
    };
    const said = () => service.logs.map((line) => JSON.parse(line)).filter(({ msg }) => msg !== 'request');
    const before = said().length;
    const change = async () => (await service.request('PATCH', `/api/users/${user_id}/bio`, { new_bio: String(Math.random()) })).status;

    await readOnly('on');
    await until('changes are refused', async () => (await change()) === 503);
    const refused = Array.from({ length: 20 }, () => service.request('POST', '/api/users', aUser()));
    for (const { status } of await Promise.all(refused)) expect(status).toBe(503);
    // Also by work in the background, which tries again each second.
    await service.request('PATCH', `/api/users/${user_id}/email`, { new_email: 'new@example.com' });
    await until('it is said', () => said().length > before);
    await readOnly('off');
    await until('its end is said', () => said().some(({ msg }) => msg.includes('takes changes again after')), 30_000);
    expect(
      said()
        .slice(before)
        .map(({ msg }) => msg.split(/: | after/)[0]),
    ).toEqual(['the database takes no changes', 'the database takes changes again']);
    await service.stop();
    await admin.end();
    await proxy.close();
    await store.drop();
  });
});

describe.skipIf(findRedis() === undefined)('what is said of a Redis [needs redis-server]', () => {
  let server: OwnServer;
  let operator: Client;
  let redis: Redis;
  let lines: string[];
  beforeAll(async () => {
    server = (await startRedis({ args: ['--requirepass', 'one'] })) as OwnServer;
    operator = new Client(server.url, { password: 'one', retryStrategy: () => 20 });
    operator.on('error', () => {});
    const place = told();
    lines = place.lines;
    redis = openRedis(server.url, { password: 'one', connections: 2, log: place.log });
  });
  afterAll(async () => {
    await redis?.close();
    operator?.disconnect();
    await server?.stop();
  });
  beforeEach(async () => {
    await until('it is there', redis.available);
    lines.length = 0;
  });
  const saying = (text: string) => until(`it is said: ${text}`, () => lines.some((line) => line.includes(text)));
  const write = () => redis.call((client) => client.set('lumin:test', 'text'), PATIENT_MS);

  it('names the password where it was changed, and none where nobody gave one', async () => {
    await operator.config('SET', 'requirepass', 'two');
    await operator.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await saying('does not take the user or the password (REDIS_PASSWORD): ');
    const { lines: without, log } = told();
    const nobody = openRedis(server.url, { connections: 1, log });
    await until('it is said', () => without.some((line) => line.includes('asks for a password, and none is given')));
    await nobody.close();
    await operator.config('SET', 'requirepass', 'one');
    await saying('Redis is back after ');
    expect(lines).toHaveLength(2);
  });

  it('is once that it asks for no password, where one is given', async () => {
    const open = (await startRedis()) as OwnServer;
    const { lines: without, log } = told();
    const console = vi.spyOn(globalThis.console, 'warn');
    const some = openRedis(open.url, { password: 'one', connections: 3, log });
    await until('it is used', some.available);
    expect(without).toEqual([expect.stringMatching(/^Redis asks for no password on \S+, and one is set \(REDIS_PASSWORD\): /)]);
    expect(console).not.toHaveBeenCalled();
    await some.close();
    await open.stop();
  });

  it('names the memory that is full, and after it the outage that follows', async () => {
    await operator.config('SET', 'maxmemory', '1');
    await write();
    await saying(`Redis refuses commands: the memory of 127.0.0.1:${server.port} is full`);
    await operator.config('SET', 'maxmemory', '0');
    expect(await write()).toBe('OK');
    await server.kill();
    await saying(`Redis cannot be reached: nothing listens on 127.0.0.1:${server.port} (REDIS_URL): `);
    await server.restart();
    await saying('Redis is back after ');
  });

  it.skipIf(postgresUrl === null)('names it where a service keeps users and results of tasks, which is not told by itself', async () => {
    const store = await makeDatabase(postgresUrl ?? '');
    const own = (await startRedis()) as OwnServer;
    const client = new Client(own.url);
    const env = { REDIS_URL: own.url, TASK_RESULT_BACKEND: own.url.replace(/0$/, '1') };
    const service = await startService(store.url, { env });
    const other = await startService(store.url, { env });
    const says = (thing: string) => other.logs.some((line) => line.includes(`"${thing} refuses commands: the memory of `));
    await client.config('SET', 'maxmemory', '1');
    await until('both are said', async () => {
      const { user_id } = await created(service);
      const url = `/api/users/${user_id}`;
      // Not in the memory of the other one, which keeps it for both.
      await other.request('GET', url);
      await other.request('PATCH', `${url}/bio`, { new_bio: 'Short.' }, { prefer: 'respond-async' });
      return says('Redis') && says('Redis of task results');
    });
    expect(other.logs.filter((line) => line.includes('"code":"OOM"'))).toHaveLength(2);
    await service.stop();
    await other.stop();
    client.disconnect();
    await own.stop();
    await store.drop();
  });

  it('names the rights that a user lacks', async () => {
    await operator.call('ACL', 'SETUSER', 'default', '-set');
    await write();
    await saying('may not run a command that is needed');
    await operator.call('ACL', 'SETUSER', 'default', '+set');
  });

  it('is nothing where its first answers come late', async () => {
    const proxy = await startProxy(server.url);
    await proxy.set({ delay: 50 });
    const { lines: late, log } = told();
    const slow = openRedis(proxy.url, { password: 'one', connections: 1, log });
    await until('it is tried', () => proxy.connections() > 0);
    await until('the try ends', () => proxy.connections() === 0);
    await proxy.set('pass');
    await until('it is there', slow.available);
    expect(late).toEqual([]);
    await slow.close();
    await proxy.close();
  });
});

describe.skipIf(findNats() === undefined)('what is said of a NATS [needs nats-server]', () => {
  it('names the credentials that it does not take any more, each other reason, and its end', async () => {
    const conf = (password: string) => `authorization { user: app, password: ${password} }`;
    const server = (await startNats({ conf: conf('one') })) as OwnServer;
    const allow = (password: string): void => {
      writeFileSync(join(server.folder, 'nats.conf'), conf(password));
      process.kill(server.pid(), 'SIGHUP');
    };
    const { lines, log } = told();
    const nats = openNats(server.url.replace('//', '//app:one@'), log);
    const saying = (text: string) => until(`it is said: ${text}`, () => lines.some((line) => line.includes(text)));
    await until('it is reached', () => nats.connection() !== null);
    expect(lines).toEqual([]);

    allow('two');
    await saying(`NATS cannot be reached: 127.0.0.1:${server.port} does not take the user, the password or the token (NATS_URL): `);
    await server.kill();
    await saying(`NATS cannot be reached: nothing listens on 127.0.0.1:${server.port} (NATS_URL): `);
    writeFileSync(join(server.folder, 'nats.conf'), conf('one'));
    await server.restart();
    await saying('NATS is back after ');
    expect(lines).toHaveLength(3);
    await nats.close();
    await server.stop();
  });
});
