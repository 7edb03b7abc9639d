import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { seriesOf } from '../fixtures/exposition.ts';
import { created } from '../fixtures/http.ts';
import { type Service, startService } from '../fixtures/http-service.ts';
import { until } from '../fixtures/until.ts';

const [postgresUrl, redisUrl, natsUrl] = [inject('postgresUrl'), inject('redisUrl'), inject('natsUrl')];
const script = resolve(import.meta.dirname, '../../deploy/backup.sh');
const unique = `t${randomBytes(5).toString('hex')}`;

const query = async <Row extends object>(url: string, text: string): Promise<Row[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(text).finally(() => client.end());
  return rows;
};

/** The reason why the script cannot be tried here, or null. */
const missing = await (async () => {
  if (postgresUrl === null) return 'PostgreSQL: set TEST_DATABASE_URL or install it';
  if (redisUrl === null || natsUrl === null) return 'Redis and NATS: set TEST_REDIS_URL and TEST_NATS_URL or install them';
  const [server] = await query<{ server_version_num: string }>(postgresUrl, 'show server_version_num');
  const client = /(\d+)\./.exec(String(spawnSync('pg_dump', ['--version']).stdout))?.[1];
  const needed = Math.floor(Number(server?.server_version_num) / 10_000);
  return Number(client ?? 0) >= needed ? null : `pg_dump ${needed} or later on PATH`;
})();

/** Runs the script as an operator does. */
const backup = (verb: string, file: string, url: string): Promise<{ code: number; output: string; stderr: string }> =>
  new Promise((done) => {
    const env = { PATH: process.env.PATH, DATABASE_URL: url };
    const child = execFile(script, [verb, file], { env }, (_, stdout, stderr) =>
      done({ code: child.exitCode ?? -1, output: stdout + stderr, stderr }),
    );
  });

/** The same database behind a host that is not there. */
const secondOfTwo = (url: string): string => url.replace(/[^@/]+(?=\/[^/]*$)/, '127.0.0.1:1,$&');

const title = missing === null ? '' : ` [needs ${missing}]`;
describe.skipIf(missing !== null)(`deploy/backup.sh${title}`, () => {
  const { make } = storeKinds().at(-1) as { make: () => Promise<Store> };
  const env = { REDIS_URL: redisUrl ?? '', NATS_URL: natsUrl ?? '', NATS_STREAM: unique, NATS_SUBJECT_PREFIX: unique };
  const folder = mkdtempSync(join(tmpdir(), 'lumin-backup-'));
  const file = join(folder, 'lumin.dump');
  const versions = new Map<string, number>();
  let [source, target]: Store[] = [];
  let service: Service;
  let nats: NatsConnection;
  /** What was acknowledged before the backup began. */
  let promised: [string, number][] = [];
  /** Users that were changed and a task that ended after the backup; all were asked for, so that Redis holds them. */
  let changedLater: string[] = [];
  let endedLater = '';

  /** The database belongs to a role that is nobody else, as the page on operations makes it. */
  const ownedBy = async (role: string, { url, drop }: Store): Promise<Store> => {
    await query(url, `create role ${role} login password '${role}'; alter database ${new URL(url).pathname.slice(1)} owner to ${role}`);
    return { url: Object.assign(new URL(url), { username: role, password: role }).href, drop };
  };

  const version = async (userId: string): Promise<number> => (await service.request('GET', `/api/users/${userId}`)).body.version;
  const change = async (userId: string): Promise<void> => {
    const answer = await service.request('PATCH', `/api/users/${userId}/bio`, { new_bio: randomBytes(9).toString('hex') });
    expect(answer.status, answer.text).toBe(200);
    versions.set(userId, answer.body.version);
  };
  const logged = (url: string) =>
    query<{ id: string }>(url, `select stream || ':' || version as id from events order by position`).then((rows) =>
      rows.map(({ id }) => id),
    );
  const messages = async (): Promise<number> => (await (await jetstreamManager(nats)).streams.info(unique)).state.messages;
  const published = async (): Promise<string[]> => {
    const { streams } = await jetstreamManager(nats);
    const { state } = await streams.info(unique);
    const found: string[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq++)
      found.push((await streams.getMessage(unique, { seq }))?.header.get('Nats-Msg-Id') ?? '');
    return found;
  };

  beforeAll(async () => {
    source = await make();
    target = await ownedBy(unique, await make());
    nats = await connect({ servers: new URL(natsUrl ?? '').host });
    service = await startService(source.url, { env });
  });
  afterAll(async () => {
    await service?.stop();
    const { streams } = await jetstreamManager(nats);
    for (const stream of [unique, `${unique}-tasks`]) await streams.delete(stream).catch(() => {});
    await nats.close();
    for (const store of [source, target]) await store?.drop();
    await query(postgresUrl ?? '', `drop role ${unique}`);
    rmSync(folder, { recursive: true });
  });

  it('backs up while the service writes', async () => {
    for (let count = 0; count < 30; count++) versions.set((await created(service)).user_id, 1);
    let writing = true;
    const writers = [...versions.keys()].slice(0, 4).map(async (userId) => {
      while (writing) await change(userId);
    });
    await until('there are changes', () => [...versions.values()].filter((one) => one > 3).length === 4);
    promised = [...versions];
    expect(await backup('create', file, source?.url ?? '')).toMatchObject({ code: 0, output: expect.stringContaining(file) });
    writing = false;
    await Promise.all(writers);
  });

  it('makes the file its owner’s alone, also where somebody has put one in its way', async () => {
    expect(statSync(file).mode & 0o077).toBe(0);
    const trap = join(folder, 'trap.dump');
    writeFileSync(`${trap}.partial`, '');
    chmodSync(`${trap}.partial`, 0o666);
    expect(await backup('create', trap, source?.url ?? '')).toMatchObject({ code: 0 });
    expect(statSync(trap).mode & 0o077).toBe(0);
    expect(readFileSync(`${trap}.partial`, 'utf8')).toBe('');
    for (const name of [trap, `${trap}.partial`]) rmSync(name);
  });

  it('leaves alone what is there, and takes no file that is damaged', async () => {
    const whole = readFileSync(file);
    expect(await backup('create', file, source?.url ?? '')).toMatchObject({ code: 1, output: expect.stringContaining('exists') });
    expect(readFileSync(file).equals(whole)).toBe(true);
    const before = await logged(source?.url ?? '');
    expect(await backup('restore', file, source?.url ?? '')).toMatchObject({ code: 1, output: expect.stringContaining('not empty') });
    expect(await logged(source?.url ?? '')).toEqual(before);
    const cut = join(folder, 'cut.dump');
    writeFileSync(cut, whole.subarray(0, whole.length * 0.9));
    expect(await backup('restore', cut, target?.url ?? '')).toMatchObject({
      code: 1,
      output: expect.stringContaining('not a whole backup'),
    });
    expect(await query(target?.url ?? '', `select from pg_tables where schemaname = 'public'`)).toEqual([]);
    expect(readdirSync(folder).toSorted()).toEqual(['cut.dump', 'lumin.dump']);
  });

  it('restores into an empty database what was answered before the backup began, and the service goes on from there', async () => {
    // The life that the backup does not know: in the database, in Redis and in the stream.
    changedLater = [...versions.keys()].slice(4);
    for (const userId of changedLater) {
      await change(userId);
      await service.request('GET', `/api/users/${userId}`, undefined, { 'cache-control': 'no-cache' });
    }
    const accepted = await service.request('POST', `/api/users/${changedLater[0]}/deactivate`, undefined, { prefer: 'respond-async' });
    endedLater = accepted.body.task_id;
    await until('the task ends', async () => (await service.request('GET', `/api/users/tasks/${endedLater}`)).body.status === 'succeeded');
    const log = await logged(source?.url ?? '');
    await until('all is published', async () => (await messages()) === log.length);
    await service.stop();

    // Nothing comes between the script's own lines that an operator would have to judge.
    expect(await backup('restore', file, secondOfTwo(target?.url ?? ''))).toMatchObject({
      code: 0,
      output: expect.stringContaining('no rule broken'),
      stderr: expect.stringMatching(/^backup: restored up to position \d+\n$/),
    });
    const left = `select relname from pg_stat_user_tables where last_analyze is null and schemaname = 'public'`;
    expect(await query(target?.url ?? '', left)).toEqual([]);
    service = await startService(target?.url ?? '', { env });
    // One after the other, so that some fall into the moment when the process has reached Redis and knows nothing of it yet.
    for (const userId of changedLater) {
      expect(await version(userId)).toBe(1);
      await sleep(20);
    }
    for (const [userId, acknowledged] of promised) expect(await version(userId), userId).toBeGreaterThanOrEqual(acknowledged);
    expect((await service.request('GET', `/api/users/tasks/${endedLater}`)).status).toBe(404);
    await change(changedLater[0] ?? '');
  });

  it('an older state publishes nothing into a stream that is ahead of it; into an emptied one, all of it', async () => {
    const ahead = async () => seriesOf(await service.app.metrics()).find(({ name }) => name === 'lumin_relay_stream_ahead')?.value === 1;
    await until('the relay stands still', ahead);
    const before = await published();
    await change(changedLater[0] ?? '');
    expect(await published()).toEqual(before);
    const { streams } = await jetstreamManager(nats);
    await streams.purge(unique);
    const log = await logged(target?.url ?? '');
    await until('the stream is filled again', async () => (await messages()) >= log.length);
    expect(await published()).toEqual(log);
    expect(await ahead()).toBe(false);
  });
});
