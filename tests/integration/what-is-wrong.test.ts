import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openNats } from '../../src/infrastructure/connections/nats.ts';
import { openRedis } from '../../src/infrastructure/connections/redis.ts';
import { explain } from '../../src/infrastructure/explain.ts';
import { openDatabase } from '../../src/infrastructure/persistence/database/open-database.ts';
import { hasOpenssl, selfSigned } from '../fixtures/certificate.ts';
import { runLumin, startMain } from '../fixtures/child.ts';
import {
  findNats,
  findPostgres,
  findRedis,
  freePort,
  type OwnServer,
  startNats,
  startPostgres,
  startRedis,
} from '../fixtures/own-servers.ts';
import { told } from '../fixtures/told.ts';
import { until } from '../fixtures/until.ts';

const SECRET = 's3cret-word';
const portOf = (server: Server): number => (server.address() as AddressInfo).port;
const listening = async <S extends Server>(server: S): Promise<S> => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
};

/** Servers of another kind: one that speaks HTTP, and one that says nothing at all. */
let web: Server;
let mute: Server;
let nobody: number;
beforeAll(async () => {
  web = await listening(createServer((_, response) => response.end('hello')) as unknown as Server);
  mute = await listening(createTcpServer((socket) => socket.on('error', () => {})));
  nobody = await freePort();
});
afterAll(() => {
  web?.close();
  mute?.close();
});

const available = findPostgres() !== undefined && hasOpenssl;
describe.skipIf(!available)(`what is wrong with PostgreSQL${available ? '' : ' [needs PostgreSQL and openssl: install them]'}`, () => {
  const certificate = available ? selfSigned() : null;
  let server: OwnServer;
  beforeAll(async () => {
    server = (await startPostgres({
      conf: { ssl: 'on', ssl_cert_file: certificate?.cert ?? '', ssl_key_file: certificate?.key ?? '' },
    })) as OwnServer;
    const rules = [
      'host all postgres 127.0.0.1/32 trust',
      'hostssl all secure 127.0.0.1/32 trust',
      'host all absent,idle,poor 127.0.0.1/32 trust',
      'host all typed 127.0.0.1/32 scram-sha-256',
    ];
    writeFileSync(join(server.folder, 'data/pg_hba.conf'), rules.join('\n'));
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    for (const text of [
      'create role idle',
      'create role secure login',
      'create role poor login',
      `create role typed login password '${SECRET}'`,
      'create database closed',
      'revoke connect on database closed from public',
      `create database latin encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C'`,
      'select pg_reload_conf()',
    ])
      await client.query(text);
    await client.end();
  });
  afterAll(async () => {
    await server?.stop();
    certificate?.remove();
  });

  const said = async (address: string): Promise<string> => {
    const url = `postgresql://${address.replace('SERVER', `127.0.0.1:${server.port}`).replace('PORT', String(server.port))}`;
    const database = await openDatabase({ kind: 'postgres', url }, 2, () => {}, 'DATABASE_URL in .env');
    try {
      await database.check();
      return 'nothing';
    } catch (error) {
      return explain(error, database.place).text.replaceAll(`127.0.0.1:${server.port}`, 'SERVER').replaceAll(String(server.port), 'PORT');
    } finally {
      await database.close();
    }
  };

  it.each([
    ['postgres@SERVER/postgres', 'nothing'],
    ['u@nowhere.invalid/d', 'there is no host nowhere.invalid (DATABASE_URL in .env): correct its name, or the DNS entry'],
    [
      'postgres@SERVER/nope',
      'the database "nope" does not exist on SERVER (DATABASE_URL in .env): createdb nope --host 127.0.0.1 --port PORT',
    ],
    [
      'postgres@SERVER/my%20data',
      `the database "my data" does not exist on SERVER (DATABASE_URL in .env): createdb 'my data' --host 127.0.0.1 --port PORT`,
    ],
    [
      'absent@SERVER/postgres',
      'the role "absent" does not exist on SERVER (DATABASE_URL in .env): createuser absent --pwprompt --host 127.0.0.1 --port PORT',
    ],
    ['idle@SERVER/postgres', 'the role "idle" may not log in on SERVER (DATABASE_URL in .env): alter role idle login'],
    ['other@SERVER/postgres?sslmode=require', 'SERVER does not let the role "other" in from here (DATABASE_URL in .env): '],
    [
      'secure@SERVER/postgres?sslmode=disable',
      'SERVER does not let the role "secure" in from here, or not without TLS (DATABASE_URL in .env): ',
    ],
    [
      `typed:no-${SECRET}@SERVER/postgres`,
      'the password of the role "typed" is wrong on SERVER, or there is no such role (DATABASE_URL in .env): ',
    ],
    ['typed@SERVER/postgres', 'SERVER asks for the password of the role "typed", and none is given (DATABASE_URL in .env): '],
    [
      'poor@SERVER/closed',
      'the role "poor" may not use the database "closed" on SERVER (DATABASE_URL in .env): grant connect on database closed to poor',
    ],
    [
      'postgres@SERVER/latin',
      'the database "latin" on SERVER has the encoding LATIN1 and cannot hold every text (DATABASE_URL in .env): make one with ',
    ],
    ['postgres@localhost:PORT/postgres?sslmode=verify-full', 'localhost:PORT has signed its certificate itself (DATABASE_URL in .env): '],
    ['u@SERVER/d?options=-c%20work_mem%3Dx&user=postgres&dbname=postgres', 'SERVER does not take the value of a setting in options'],
    ['/d?host=/tmp/nowhere', 'there is no socket file at /tmp/nowhere:5432 (DATABASE_URL in .env): '],
    [
      'u@127.0.0.1:1,nowhere.invalid/d',
      'nothing listens on 127.0.0.1:1; there is no host nowhere.invalid (DATABASE_URL in .env): start one of them',
    ],
  ])('%s: %s', async (address, line) => {
    const text = await said(address);
    expect(text.slice(0, line.length)).toBe(line);
    expect(text).not.toContain(SECRET);
  });

  it('is that another server is there, that none is, or one that does not answer', async () => {
    expect(await said(`u@127.0.0.1:${nobody}/d`)).toBe(
      `nothing listens on 127.0.0.1:${nobody} (DATABASE_URL in .env): start the server, or correct host and port`,
    );
    expect(await said(`u@127.0.0.1:${portOf(web)}/d?sslmode=require`)).toContain('is not PostgreSQL (DATABASE_URL in .env): ');
    expect(await said(`u@127.0.0.1:${portOf(web)}/d`)).toContain('see that PostgreSQL is what listens there');
    expect(await said(`u@127.0.0.1:${portOf(mute)}/d`)).toContain('does not answer in time (DATABASE_URL in .env): ');
  });

  it('is the same of a command, and of a service, whose ready line says what it waits for', async () => {
    const env = { DATABASE_URL: `postgresql://postgres@127.0.0.1:${server.port}/nope` };
    const line = `the database "nope" does not exist on 127.0.0.1:${server.port} (DATABASE_URL in the environment): createdb nope`;
    expect(await runLumin(['verify'], env)).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(`lumin: ${line}`) });
    const child = startMain({ ...env, LOG_LEVEL: 'warn' });
    await until('it is said', () => child.stdout().includes(JSON.stringify(`PostgreSQL cannot be reached: ${line}`).slice(1, -1)));
    await until('it is ready', () => child.stdout().includes('Lumin User Service'));
    expect(child.stdout()).toContain(` - not ready: waiting for PostgreSQL at 127.0.0.1:${server.port}/nope`);
    child.process.kill('SIGTERM');
    expect(await child.exited).toBe(0);
    expect(child.stdout()).toMatch(/^stopping \(SIGTERM\): .+\nstopped after .+ s$/m);
  });
});

const withoutRedis = findRedis() === undefined || !hasOpenssl;
describe.skipIf(withoutRedis)(`what is wrong with Redis${withoutRedis ? ' [needs redis-server and openssl: install them]' : ''}`, () => {
  const certificate = withoutRedis ? null : selfSigned();
  let locked: OwnServer;
  let open: OwnServer;
  let encrypted: OwnServer;
  let tlsPort: number;
  beforeAll(async () => {
    tlsPort = await freePort();
    const tls = ['--tls-port', String(tlsPort), '--tls-auth-clients', 'no'];
    [locked, open, encrypted] = (await Promise.all([
      startRedis({ args: ['--requirepass', SECRET] }),
      startRedis(),
      startRedis({ args: [...tls, '--tls-cert-file', certificate?.cert ?? '', '--tls-key-file', certificate?.key ?? ''] }),
    ])) as [OwnServer, OwnServer, OwnServer];
  });
  afterAll(async () => {
    await Promise.all([locked, open, encrypted].map((server) => server?.stop()));
    certificate?.remove();
  });

  const said = async (url: string, password = ''): Promise<string> => {
    const { lines, log } = told();
    const settings = { setting: 'REDIS_URL in .env', passwordSetting: 'REDIS_PASSWORD in the environment' };
    const redis = openRedis(url, { password, connections: 1, log, ...settings });
    await until('something is said', () => lines.length > 0, 30_000);
    await redis.close();
    return lines[0] ?? '';
  };

  it('is told in a line with the server, the reason, the variable and what to do', async () => {
    const [a, b] = [`127.0.0.1:${locked.port}`, `127.0.0.1:${open.port}`];
    const found = await Promise.all([
      said(`redis://127.0.0.1:${nobody}`),
      said('redis://nowhere.invalid'),
      said(locked.url, 'wrong'),
      said(locked.url.replace('//', '//:wrong@'), 'unused'),
      said(locked.url),
      said(open.url, SECRET),
      said(open.url.replace(/0$/, '99')),
      said(`redis://127.0.0.1:${portOf(web)}`),
      said(open.url.replace('redis:', 'rediss:')),
      said(`redis://localhost:${tlsPort}`),
      said(`rediss://localhost:${tlsPort}`),
      said(`rediss://127.0.0.1:${tlsPort}?ssl_ca_certs=${certificate?.cert}`),
    ]);
    const expected = [
      `Redis cannot be reached: nothing listens on 127.0.0.1:${nobody} (REDIS_URL in .env): start the server, or correct host and port`,
      'Redis cannot be reached: there is no host nowhere.invalid (REDIS_URL in .env): ',
      `Redis cannot be reached: ${a} does not take the user or the password (REDIS_PASSWORD in the environment): correct REDIS_PASSWORD`,
      `Redis cannot be reached: ${a} does not take the user or the password (REDIS_URL in .env): correct REDIS_URL`,
      `Redis cannot be reached: ${a} asks for a password, and none is given (REDIS_PASSWORD in the environment): write it into REDIS_PASSWORD`,
      `Redis asks for no password on ${b}, and one is set (REDIS_PASSWORD in the environment): `,
      `Redis cannot be reached: ${b} has no database of the number 99 (REDIS_URL in .env): `,
      `Redis cannot be reached: what listens on 127.0.0.1:${portOf(web)} is not Redis (REDIS_URL in .env): correct host and port`,
      `Redis cannot be reached: ${b} does not answer in time (REDIS_URL in .env): see that it is Redis, with TLS if rediss:// says so`,
      `Redis cannot be reached: localhost:${tlsPort} c`,
      `Redis cannot be reached: localhost:${tlsPort} has signed its certificate itself (REDIS_URL in .env): name that certificate in ssl_ca_certs`,
      `Redis cannot be reached: the certificate of 127.0.0.1:${tlsPort} is for another name (REDIS_URL in .env): `,
    ];
    expect(found.map((line, index) => line.slice(0, expected[index]?.length))).toEqual(expected);
    expect(found[9]).toContain('whether it wants TLS');
    expect(found.join()).not.toContain(SECRET);
  });
});

const withoutNats = findNats() === undefined || !hasOpenssl;
describe.skipIf(withoutNats)(`what is wrong with NATS${withoutNats ? ' [needs nats-server and openssl: install them]' : ''}`, () => {
  it('is told in a line with the server, the reason, the variable and what to do', async () => {
    const accounts = `accounts { some: { users: [{ user: app, password: ${SECRET} }] } }`;
    const [locked, open] = (await Promise.all([startNats({ conf: accounts }), startNats()])) as [OwnServer, OwnServer];
    const said = async (url: string): Promise<string> => {
      const { lines, log } = told();
      const nats = openNats(url, log, { setting: 'NATS_URL in .env' });
      await until('something is said', () => lines.length > 0, 30_000);
      await nats.close();
      return lines[0] ?? '';
    };
    const [a, b] = [`127.0.0.1:${locked.port}`, `127.0.0.1:${open.port}`];
    const greeting = await listening(createTcpServer((socket) => socket.on('error', () => {}).write('220 mail.example.com ESMTP\r\n')));
    const found = await Promise.all([
      said(`nats://127.0.0.1:${nobody}`),
      said('nats://nowhere.invalid'),
      said(locked.url),
      said(locked.url.replace('//', '//app:wrong@')),
      said(open.url.replace('nats:', 'tls:')),
      said(`nats://127.0.0.1:${portOf(greeting)}`),
      said(`nats://127.0.0.1:${portOf(mute)}`),
    ]);
    const expected = [
      `nothing listens on 127.0.0.1:${nobody} (NATS_URL in .env): start the server, or correct host and port`,
      'there is no host nowhere.invalid (NATS_URL in .env): ',
      `${a} does not take the user, the password or the token (NATS_URL in .env): `,
      `${a} does not take the user, the password or the token (NATS_URL in .env): `,
      `${b} has no TLS, and the address asks for it (NATS_URL in .env): begin NATS_URL with nats://`,
      `what listens on 127.0.0.1:${portOf(greeting)} is not NATS (NATS_URL in .env): correct host and port`,
      `127.0.0.1:${portOf(mute)} does not answer in time (NATS_URL in .env): `,
    ].map((line) => `NATS cannot be reached: ${line}`);
    expect(found.map((line, index) => line.slice(0, expected[index]?.length))).toEqual(expected);

    const nats = openNats(locked.url.replace('//', `//app:${SECRET}@`), told().log, { setting: 'NATS_URL in .env' });
    const connection = await until('it is reached', () => nats.connection());
    const refused = await jetstreamManager(connection).catch((error) => error);
    expect(explain(refused, nats.place).text).toBe(
      `${a} has no JetStream, or this account has none (NATS_URL in .env): start it with -js, or give the account JetStream`,
    );
    await nats.close();
    greeting.close();
    await Promise.all([locked.stop(), open.stop()]);
  });
});
