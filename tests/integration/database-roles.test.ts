import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Child, killNine, listening, runLumin, startMain } from '../fixtures/child.ts';
import { makeDatabase, type OwnDatabase } from '../fixtures/database-kinds.ts';
import { root } from '../fixtures/manifests.ts';
import { until } from '../fixtures/until.ts';

const [postgresUrl, natsUrl, redisUrl] = [inject('postgresUrl'), inject('natsUrl'), inject('redisUrl')];
const psql = Number(/ (\d+)\./.exec(String(spawnSync('psql', ['--version']).stdout))?.[1] ?? 0);
const missing = [postgresUrl === null && 'PostgreSQL', natsUrl === null && 'NATS', psql < 15 && 'psql 15 or later on PATH'].filter(Boolean);
const title = missing.length === 0 ? '' : ` [needs ${missing.join(', ')}]`;

describe.skipIf(missing.length > 0)(`a database with the roles of deploy/postgres/roles.sql${title}`, () => {
  let database: OwnDatabase;
  let names: { LUMIN_OWNER: string; LUMIN_SERVICE: string };
  let service: Child | undefined;

  const urlOf = (username = new URL(postgresUrl ?? '').username, password = ''): string =>
    Object.assign(new URL(database.url), { username, password }).href;
  const query = async (text: string, as = urlOf()): Promise<any[]> => {
    const client = new pg.Client({ connectionString: as });
    await client.connect();
    return client
      .query(text)
      .then(({ rows }) => rows)
      .finally(() => client.end());
  };
  /** As an administrator runs the file. @throws with what psql says */
  const makeRoles = (variables: Record<string, string> = {}) =>
    promisify(execFile)('psql', ['--no-psqlrc', '--dbname', database.url, '--file', join(root, 'deploy/postgres/roles.sql')], {
      env: { PATH: process.env.PATH, ...names, LUMIN_OWNER_PASSWORD: "ow'ner", LUMIN_SERVICE_PASSWORD: 'service', ...variables },
    });
  const asService = () => ({ DATABASE_URL: urlOf(names.LUMIN_SERVICE, 'service') });
  const asOwner = () => ({ MIGRATION_DATABASE_URL: urlOf(names.LUMIN_OWNER, "ow'ner") });

  beforeAll(async () => {
    database = await makeDatabase(postgresUrl ?? '');
    names = { LUMIN_OWNER: `${database.name}_owner`, LUMIN_SERVICE: `${database.name}_service` };
    await makeRoles();
  });
  afterAll(async () => {
    if (service) await killNine(service);
    const nats = await connect({ servers: new URL(natsUrl ?? '').host });
    const { streams } = await jetstreamManager(nats);
    for (const stream of [database.name, `${database.name}-tasks`]) await streams.delete(stream).catch(() => {});
    await nats.close();
    await database.drop();
    await makeDatabase(postgresUrl ?? '').then(async (other) => {
      await other.run(...Object.values(names).map((name) => `drop role ${name}`));
      await other.drop();
    });
  });

  it('is migrated as the owner at the start, and the service, as the other role, does everything that it does', async () => {
    service = startMain({
      ...asService(),
      ...asOwner(),
      LOG_LEVEL: 'warning',
      NATS_URL: natsUrl ?? '',
      NATS_STREAM: database.name,
      NATS_SUBJECT_PREFIX: database.name,
      ...(redisUrl && { REDIS_URL: redisUrl }),
    });
    const address = await listening(service);
    await until('it is ready', async () => (await fetch(`${address}/health/ready`)).ok);
    // Its types are generated elsewhere.
    const { performEverything } = await import(new URL('../fixtures/generated-client/client.ts', import.meta.url).href);
    await performEverything(address);
    const created = await fetch(`${address}/api/users`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: { first_name: 'Zoë' }, email: 'zoe@example.com' }),
    });
    const { user_id } = (await created.json()) as { user_id: string };
    await fetch(`${address}/api/users/${user_id}/block`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ until: new Date(Date.now() + 1_500).toISOString() }),
    });
    await until('the block ends by itself', async () => {
      const user = (await (await fetch(`${address}/api/users/${user_id}`)).json()) as { status: string };
      return user.status === 'active';
    });
    await until('the search finds her', async () => (await (await fetch(`${address}/api/users?q=zo`)).text()).includes(user_id));
    await until('everything is published', async () => {
      const [{ behind }] = await query(`select h.position - c.position as behind from checkpoints c, log_head h where c.name = 'relay'`);
      return Number(behind) === 0;
    });
    await until('no task is due', async () => {
      const [{ left }] = await query(`select count(*)::int as left from tasks where status in ('queued', 'running') and due_at < now()`);
      return left === 0;
    });
    expect(service.stdout() + service.stderr()).not.toMatch(/permission denied|42501/);
    const owners = await query(
      `select distinct relowner::regrole::text as owner from pg_class where relnamespace = 'public'::regnamespace`,
    );
    expect(owners).toEqual([{ owner: names.LUMIN_OWNER }]);
  });

  it('is verified and rebuilt by the service’s role', async () => {
    expect(await runLumin(['rebuild'], asService())).toMatchObject({ code: 0, stderr: '' });
    expect(await runLumin(['verify'], asService())).toMatchObject({ code: 0, stdout: expect.stringContaining('no rule broken') });
    expect(await runLumin(['migrate', 'status'], asService())).toMatchObject({ code: 0, stderr: '' });
  });

  const rewriting = [
    `update events set type = 'Other'`,
    'update events set personal = null where position = 1',
    'delete from events',
    'truncate events',
    'drop table events',
    'alter table events disable trigger all',
    'create rule hide as on insert to events do instead nothing',
    `create function append_v1(changes json, happenings json) returns void language sql as ''`,
    `insert into kysely_migration values ('9999', '')`,
    'create table mine ()',
  ];
  it.each(rewriting)('does not let the service’s role %s', async (statement) => {
    const before = await query('select count(*) from events');
    await expect(query(statement, asService().DATABASE_URL)).rejects.toMatchObject({ code: '42501' });
    expect(await query('select count(*) from events')).toEqual(before);
  });

  it('gives it what later migrations make, and keeps the log from it however often either is run again', async () => {
    await query('create table later (id bigint generated always as identity, n bigserial)', asOwner().MIGRATION_DATABASE_URL);
    await query('insert into later default values; update later set n = n; delete from later', asService().DATABASE_URL);
    await makeRoles({ LUMIN_OWNER_PASSWORD: '', LUMIN_SERVICE_PASSWORD: '' });
    // As a restored backup would have it: made where default privileges hold.
    await query(`grant update, delete, truncate on events to ${names.LUMIN_SERVICE}, public`);
    expect(await runLumin(['migrate'], { ...asService(), ...asOwner() })).toMatchObject({ code: 0, stdout: 'nothing to do\n' });
    for (const statement of rewriting) await expect(query(statement, asService().DATABASE_URL), statement).rejects.toThrow();
  });

  it('is not made for a role that could rewrite the log all the same', async () => {
    await expect(makeRoles({ LUMIN_SERVICE: names.LUMIN_OWNER })).rejects.toThrow(/nothing can keep it from the log/);
    await expect(makeRoles({ LUMIN_OWNER: 'postgres' })).rejects.toThrow(/name it in LUMIN_OWNER/);
  });
});
