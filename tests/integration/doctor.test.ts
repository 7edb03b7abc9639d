import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { examine } from '../../src/infrastructure/container/doctor/examine.ts';
import type { Finding } from '../../src/infrastructure/container/doctor/finding.ts';
import { killNine, listening, runLumin, startMain } from '../fixtures/child.ts';
import { embedded, makeDatabase } from '../fixtures/database-kinds.ts';
import { type OwnServer, startNats, startPostgres, startRedis } from '../fixtures/own-servers.ts';

const last: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of last.splice(0).reverse()) await clean();
});

const QUIET = { DATABASE_URL: 'pglite://memory', PORT: '0' };
const look = (env: NodeJS.ProcessEnv) => examine({ ...QUIET, ...env });
const wrongOf = (findings: readonly Finding[]) =>
  findings.filter(({ state }) => state === 'wrong').map(({ check, found, mend }) => `${check}: ${found} → ${mend}`);
const wrongWith = async (env: NodeJS.ProcessEnv): Promise<string[]> => wrongOf(await look(env));
const stateOf = (findings: readonly Finding[], check: string) => findings.find((finding) => finding.check === check)?.state;

const temporary = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'lumin-doctor-'));
  last.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
};

describe('lumin doctor', () => {
  it('finds nothing wrong where nothing is set, and tells a line of JSON for each thing that it has looked at', async () => {
    const { code, stdout, stderr } = await runLumin(['doctor'], { DATABASE_URL: `pglite://${temporary()}/data`, PORT: '0' });
    const findings: Finding[] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect([code, stderr, wrongOf(findings)]).toEqual([0, '', []]);
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['Node', '.env', 'configuration', 'data folder', 'Redis', 'NATS']),
    );
    expect(stateOf(findings, 'Redis')).toBe('unknown');
  });

  it('exits with 1 where something is wrong, tells every wrong variable, and looks at the rest all the same', async () => {
    const { code, stdout } = await runLumin(['doctor'], { ...QUIET, LOG_LEVEL: 'loud', REDIS_URL: 'http://x', APP_ENV: 'production' });
    const findings: Finding[] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(code).toBe(1);
    expect(findings.flatMap(({ check, state }) => (state === 'wrong' ? [check] : [])).sort()).toEqual([
      'AUTH_MODE',
      'LOG_LEVEL',
      'REDIS_URL',
    ]);
    expect(stateOf(findings, 'Redis')).toBe('unknown');
    expect(stateOf(findings, 'embedded database')).toBe('unknown');
  });
});

it('of variables that nobody reads and lines that are no setting, in .env and in the environment, doctor tells each', async () => {
  const path = temporary();
  writeFileSync(join(path, '.env'), 'PORT=0\nthis is no setting\nNATS_URLS=nats://x\nCOLOUR=red\n');
  const { code, stdout } = await runLumin(['doctor'], { ...QUIET, DATABSE_URL: 'x' }, path);
  const wrong = wrongOf(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  );
  expect([code, wrong.length]).toEqual([1, 4]);
  expect(wrong.join('\n')).toMatch(/^\.env: .+line 2/m);
  expect(wrong.join('\n')).toMatch(/^\.env: NATS_URLS .+is NATS_URL meant/m);
  expect(wrong.join('\n')).toMatch(/^\.env: COLOUR /m);
  expect(wrong.join('\n')).toMatch(/^environment: DATABSE_URL .+is DATABASE_URL meant/m);
});

describe('of the data folder, doctor', () => {
  it('says that it can be made, or why it cannot', async () => {
    const path = temporary();
    expect(await wrongWith({ DATABASE_URL: `pglite://${path}/a/b` })).toEqual([]);
    writeFileSync(join(path, 'file'), '');
    expect(await wrongWith({ DATABASE_URL: `pglite://${path}/file/data` })).toEqual([
      expect.stringMatching(/file\/data cannot be made in .+file \(ENOTDIR\)/),
    ]);
    expect(await wrongWith({ DATABASE_URL: `pglite://${path}/file` })).toEqual([expect.stringMatching(/file cannot be used \(ENOTDIR\)/)]);
  });

  it('says that others can look into it, and makes nothing in it', async () => {
    const path = join(temporary(), 'data');
    mkdirSync(path);
    chmodSync(path, 0o755);
    expect(await wrongWith({ DATABASE_URL: `pglite://${path}` })).toEqual([
      `data folder: ${path} is open to other users of this machine → chmod -R go-rwx ${path}`,
    ]);
  });

  it('says who has it open, and that the port is held by our own service', async () => {
    const place = await embedded.make();
    last.push(place.drop);
    const service = startMain({ DATABASE_URL: place.url });
    last.push(() => killNine(service));
    const { port } = new URL(await listening(service));
    const findings = await look({ DATABASE_URL: place.url, PORT: port });
    expect(wrongOf(findings)).toEqual([]);
    expect(findings.find(({ check }) => check === 'folder in use')?.found).toContain(`process ${service.pid}`);
    expect(findings.find(({ check }) => check === 'port')?.found).toMatch(/our own service, Lumin User Service [\d.]+ \(ready\)/);
  });
});

it('of a port that another program has, doctor says so', async () => {
  const other = createServer((_, response) => response.end('{}')).listen(0, '127.0.0.1');
  await once(other, 'listening');
  last.push(() => other.close());
  const { port } = other.address() as AddressInfo;
  expect(await wrongWith({ PORT: String(port) })).toEqual([
    expect.stringMatching(new RegExp(`^port: ${port} is taken by another program → set PORT`)),
  ]);
});

it('of servers that take connections and say nothing, doctor says so, and ends', async () => {
  const silent = createTcpServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  last.push(() => silent.close());
  const at = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const { code, stdout } = await runLumin(['doctor'], {
    PORT: '0',
    DATABASE_URL: `postgresql://u:s3cret@${at}/d`,
    REDIS_URL: `redis://${at}`,
    NATS_URL: `nats://${at}`,
  });
  const wrong = wrongOf(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  );
  expect(code).toBe(1);
  expect(wrong).toEqual(['PostgreSQL', 'Redis', 'NATS'].map((name) => expect.stringMatching(`^${name}: ${at} does not answer in time`)));
});

it('of a host that is none of this machine, doctor says so', async () =>
  expect(await wrongWith({ HOST: '192.0.2.1', AUTH_MODE: 'off-behind-gateway', PORT: '18399' })).toEqual([
    expect.stringMatching(/^host: HOST 192\.0\.2\.1 cannot be listened on/),
  ]));

const postgresUrl = inject('postgresUrl');

describe.skipIf(postgresUrl === null)('of PostgreSQL, doctor', () => {
  const make = async () => {
    const place = await makeDatabase(postgresUrl ?? '');
    last.push(place.drop);
    return place;
  };

  it('looks at everything where it is reached, before the first start and after it', async () => {
    const { url } = await make();
    const before = await look({ DATABASE_URL: url });
    expect(wrongOf(before)).toEqual([]);
    expect(before.filter(({ state }) => state === 'unknown').map(({ check }) => check)).toEqual(['Redis', 'NATS']);
    expect(await wrongWith({ DATABASE_URL: url, MIGRATE_ON_START: 'false' })).toEqual([
      'PostgreSQL schema: is not there yet → npm run migrate',
    ]);
    await runLumin(['migrate'], { DATABASE_URL: url });
    const after = await look({ DATABASE_URL: url, MIGRATE_ON_START: 'false' });
    expect(wrongOf(after)).toEqual([]);
    expect(after.find(({ check }) => check === 'PostgreSQL rights')?.found).toMatch(/may do what the service does/);
  });

  it('says of one that cannot be reached why, once, and of the rest nothing; no password among it', async () => {
    const missing = new URL(postgresUrl ?? '');
    missing.pathname = '/lumin_no_such_database';
    for (const [url, reason] of [
      ['postgresql://u:s3cret@127.0.0.1:1/d', /ECONNREFUSED|nothing listens/],
      ['postgresql://u:s3cret@nowhere.invalid/d', /ENOTFOUND|EAI_AGAIN|no host|looked up/],
      [missing.href, /no such database|does not exist/],
    ] as const) {
      const findings = await look({ DATABASE_URL: url });
      expect(wrongOf(findings)).toEqual([expect.stringMatching(reason)]);
      expect(stateOf(findings, 'PostgreSQL schema')).toBe('unknown');
      expect(JSON.stringify(findings)).not.toContain('s3cret');
    }
  });

  it('says that the role may not do what the service does', async () => {
    const { url, run, name } = await make();
    await runLumin(['migrate'], { DATABASE_URL: url });
    await run(`create role ${name} login password '${name}'`);
    last.push(() => run(`drop owned by ${name}`, `drop role ${name}`));
    const asRole = new URL(url);
    [asRole.username, asRole.password] = [name, name];
    expect((await wrongWith({ DATABASE_URL: asRole.href })).join('\n')).toMatch(
      /^PostgreSQL rights: .+ → run deploy\/postgres\/roles\.sql/m,
    );
  });

  it('says that transactions are read-only, and that there are too few connections', async () => {
    const { url, run, name } = await make();
    await run(`alter database ${name} set default_transaction_read_only = on`);
    const found = await wrongWith({ DATABASE_URL: url, DATABASE_POOL_SIZE: '900' });
    expect(found).toEqual([
      expect.stringMatching(/^PostgreSQL changes: .+default_transaction_read_only/),
      expect.stringMatching(/^PostgreSQL connections: the server gives \d+, and one process may open 922/),
    ]);
  });

  it('says that another encoding holds not every text', async () => {
    const place = await makeDatabase(postgresUrl ?? '', `encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0`);
    last.push(place.drop);
    expect(await wrongWith({ DATABASE_URL: place.url })).toEqual([expect.stringMatching(/LATIN1.+UTF8/)]);
  });

  it('says that fsync is off, with the command that puts it on', async () => {
    const server = await startPostgres({ conf: { fsync: 'off', full_page_writes: 'off' } });
    if (server === null) return;
    last.push(server.stop);
    expect(await wrongWith({ DATABASE_URL: server.url })).toEqual([
      expect.stringMatching(/^PostgreSQL durability: fsync and full_page_writes is off.+alter system set fsync = on/),
    ]);
  });
});

describe('of Redis, doctor', () => {
  let server: OwnServer | null;
  beforeAll(async () => {
    server = await startRedis({ args: ['--requirepass', 's3cret', '--maxmemory', '32mb', '--maxmemory-policy', 'noeviction'] });
  });
  afterAll(() => server?.stop());

  it('says that a full one takes nothing, and nothing else where the password is right', async ({ skip }) => {
    if (server === null) return skip();
    expect(await wrongWith({ REDIS_URL: server.url, REDIS_PASSWORD: 's3cret' })).toEqual([
      expect.stringMatching(/^Redis memory: .+noeviction.+ → redis-cli config set/),
    ]);
  });

  it('says that the password is wrong, or lacking, or that there is no such database', async ({ skip }) => {
    if (server === null) return skip();
    const url = server.url.replace('/0', '');
    expect(await wrongWith({ REDIS_URL: url, REDIS_PASSWORD: 'wr0ng' })).toEqual([
      expect.stringMatching(/^Redis: .*(?:WRONGPASS|password)/),
    ]);
    expect(await wrongWith({ REDIS_URL: url })).toEqual([expect.stringMatching(/^Redis: .*(?:NOAUTH|password)/)]);
    expect(await wrongWith({ REDIS_URL: `${url}/999`, REDIS_PASSWORD: 's3cret' })).toEqual([
      expect.stringMatching(/^Redis: .*(?:no database|DB index)/),
    ]);
    expect(await wrongWith({ REDIS_URL: 'redis://127.0.0.1:1' })).toEqual([
      expect.stringMatching(/^Redis: .*(?:nothing listens|ECONNREFUSED)/),
    ]);
  });
});

describe('of NATS, doctor', () => {
  it('looks at streams and workers where it is reached', async ({ skip }) => {
    const server = await startNats();
    if (server === null) return skip();
    last.push(server.stop);
    const findings = await look({ NATS_URL: server.url });
    expect(wrongOf(findings)).toEqual([]);
    for (const check of ['NATS', 'NATS JetStream', 'NATS events', 'NATS tasks']) expect(stateOf(findings, check)).toBe('ok');
  });

  it('says that it has no JetStream, that the user is not let in, that nothing listens', async ({ skip }) => {
    const server = await startNats({ conf: 'accounts { A { users = [{ user: a, password: b }] } }' });
    if (server === null) return skip();
    last.push(server.stop);
    const as = (user: string) => server.url.replace('nats://', `nats://${user}@`);
    expect(await wrongWith({ NATS_URL: as('a:b') })).toEqual([expect.stringMatching(/^NATS JetStream: .+JetStream/)]);
    expect(await wrongWith({ NATS_URL: as('a:wr0ng') })).toEqual([expect.stringMatching(/^NATS: .+(?:authorization|password)/i)]);
    expect(await wrongWith({ NATS_URL: 'nats://127.0.0.1:1' })).toEqual([
      expect.stringMatching(/^NATS: nothing listens on 127\.0\.0\.1:1 \(NATS_URL in the environment\)/),
    ]);
  });
});
