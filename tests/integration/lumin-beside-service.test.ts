import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UserId } from '../../src/domain/value-objects/user-id.ts';
import { rebuild } from '../../src/infrastructure/persistence/read-model/rebuild.ts';
import { type Child, killNine, listening, runLumin, startLumin, startMain } from '../fixtures/child.ts';
import { embedded, type Store } from '../fixtures/database-kinds.ts';
import { startService } from '../fixtures/http-service.ts';
import { until } from '../fixtures/until.ts';

const linesOf = (text: string): any[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

const createUser = async (address: string, first_name: string): Promise<string> => {
  const created = await fetch(`${address}/api/users/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: { first_name }, email: `${first_name}@example.com` }),
  });
  expect(created.status).toBe(201);
  return ((await created.json()) as { user_id: string }).user_id;
};

describe('npm run lumin, while the service has its embedded database open', () => {
  let place: Store;
  let service: Child;
  let address: string;
  let ids: string[];
  const lumin = (...args: string[]) => runLumin(args, { DATABASE_URL: place.url });

  beforeAll(async () => {
    place = await embedded.make();
    service = startMain({ DATABASE_URL: place.url });
    address = await listening(service);
    ids = [await createUser(address, 'Ann'), await createUser(address, 'Ben')];
  });
  afterAll(async () => {
    await killNine(service);
    await place.drop();
  });

  it('reads users and the log, verifies and rebuilds, as where the service is stopped', async () => {
    const list = await lumin('users', 'list');
    expect([list.code, list.stderr, linesOf(list.stdout).map(({ name }) => name)]).toEqual([0, '', ['Ben', 'Ann']]);
    expect(linesOf((await lumin('users', 'get', ids[0] ?? '')).stdout)).toMatchObject([{ user_id: ids[0], version: 1 }]);
    expect(linesOf((await lumin('events', '--after', '1')).stdout)).toMatchObject([{ position: 2, stream: `user-${ids[1]}` }]);
    expect(linesOf((await lumin('rebuild')).stdout)).toEqual([{ done: 2, total: 2 }, { rebuilt: 2 }]);
    expect(await lumin('verify')).toEqual({ code: 0, stdout: '2 users, 2 events, no rule broken\n', stderr: '' });
    expect(linesOf((await lumin('verify', '--json')).stdout)).toEqual([{ users: 2, events: 2, violations: 0 }]);
    expect(await lumin('migrate', 'status')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^(\S+ applied\n)+$/) });
    expect(service.stderr()).toBe('');
  });

  it('says how many there are where a list is cut, beside the lines', async () => {
    const cut = await lumin('users', 'list', '--limit', '1');
    expect([linesOf(cut.stdout).length, cut.stderr]).toEqual([1, '1 of 2 (--limit, --all)\n']);
    const all = await lumin('users', 'list', '--limit', '1', '--all');
    expect([linesOf(all.stdout).length, all.stderr]).toEqual([2, '']);
  });

  it('tells refusals and mistakes of the command line as elsewhere', async () => {
    const nobody = '550e8400-e29b-41d4-a716-446655440000';
    expect(await lumin('users', 'get', nobody)).toEqual({ code: 1, stdout: '', stderr: `lumin: there is no user ${nobody}\n` });
    const { code, stderr } = await lumin('users', 'list', '--email', 'nonsense');
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^lumin: .+\nlumin: lumin help users list says what it takes\n$/)]);
  });

  it.each([[['migrate']], [['migrate', 'down', '--yes', '--lose-the-log']]])('leaves %j to who stops it first', async (args) => {
    const { code, stdout, stderr } = await lumin(...args);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(`lumin: migrate wants the database for itself: stop the service (process ${service.pid}) first\n`);
  });

  it('follows the log until it is interrupted', async () => {
    const child = startLumin(['events', '--follow', '--after', '1'], { DATABASE_URL: place.url });
    await until('the log so far is there', () => child.stdout().includes('\n'));
    await createUser(address, 'Cem');
    await until('the new event is there', () => linesOf(child.stdout()).length === 2);
    expect(linesOf(child.stdout()).map(({ position }) => position)).toEqual([2, 3]);
    child.process.kill('SIGINT');
    expect([await child.exited, child.stderr()]).toEqual([0, '']);
  });

  it('ends with the service, and finds the next one where a killed one has left its socket', async () => {
    const child = startLumin(['events', '--follow'], { DATABASE_URL: place.url });
    await until('it runs', () => child.stdout().includes('\n'));
    service.process.kill('SIGTERM');
    expect([await child.exited, child.stderr()]).toEqual([1, 'lumin: the service stops\n']);
    expect(await service.exited).toBe(0);

    service = startMain({ DATABASE_URL: place.url });
    await listening(service);
    await killNine(service);
    expect((await lumin('verify')).code).toBe(0);
    service = startMain({ DATABASE_URL: place.url });
    address = await listening(service);
    expect((await lumin('verify')).code).toBe(0);
  });

  it('is not cut short by a service that dies: the command says so', async () => {
    const child = startLumin(['events', '--follow'], { DATABASE_URL: place.url });
    await until('it runs', () => child.stdout().includes('\n'));
    await killNine(service);
    expect([await child.exited, child.stderr()]).toEqual([1, 'lumin: the service ended before the command did\n']);
    service = startMain({ DATABASE_URL: place.url });
    address = await listening(service);
  });
});

describe('a data folder with a path that is too long for a socket', () => {
  const under = mkdtempSync(join(tmpdir(), 'lumin-long-'));
  const runtime = join(under, 'run');
  const folder = join(under, 'a-name-that-goes-on'.repeat(5), 'data');
  const children: Child[] = [];
  const start = async (env: Record<string, string>): Promise<Child> => {
    const child = startMain({ DATABASE_URL: `pglite://${folder}`, LOG_LEVEL: 'warning', ...env });
    children.push(child);
    await listening(child);
    return child;
  };
  afterAll(async () => {
    await Promise.all(children.map(killNine));
    rmSync(under, { recursive: true });
  });

  it('has it in the run-time folder of its owner, where it is found by every way to the folder', async () => {
    mkdirSync(runtime, { mode: 0o700 });
    const env = { XDG_RUNTIME_DIR: runtime };
    const child = await start(env);
    const [name, ...others] = readdirSync(runtime);
    expect([name, others]).toEqual([expect.stringMatching(/^lumin-[\da-f]{16}\.sock$/), []]);
    expect(statSync(join(runtime, name ?? '')).mode & 0o777).toBe(0o600);
    symlinkSync(folder, join(under, 'link'));
    for (const way of [folder, join(under, 'link')])
      expect(await runLumin(['verify'], { DATABASE_URL: `pglite://${way}`, ...env })).toMatchObject({ code: 0, stderr: '' });
    await killNine(child);
  });

  it('has it in a folder of temporary files of the owner alone, and in none that somebody else may have made', async () => {
    const temporary = join(under, 'tmp');
    mkdirSync(temporary);
    const env = { TMPDIR: temporary };
    const child = await start(env);
    const own = join(temporary, `lumin-${process.geteuid?.()}`);
    expect(statSync(own).mode & 0o777).toBe(0o700);
    expect(await runLumin(['verify'], { DATABASE_URL: `pglite://${folder}`, ...env })).toMatchObject({ code: 0, stderr: '' });
    await killNine(child);

    chmodSync(own, 0o777);
    const next = await start(env);
    await until('it is said', () => next.stdout().includes('is not a folder of this user alone'));
    expect(await runLumin(['verify'], { DATABASE_URL: `pglite://${folder}`, ...env })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^lumin: \S+ is not a folder of this user alone; remove it, or set XDG_RUNTIME_DIR\n$/),
    });
  });
});

describe('a command inside the service', () => {
  it('that makes the read model again leaves nothing of the old one in the cache', async () => {
    const place = await embedded.make();
    const { app, request, stop } = await startService(place.url);
    try {
      const { body } = await request('POST', '/api/users/', { username: { first_name: 'Ann' }, email: 'ann@example.com' });
      const nameNow = async (): Promise<string> => (await request('GET', `/api/users/${body.user_id}`)).body.username.first_name;
      await app.withStore(async (_, database) => {
        await database.query(`update users set state = jsonb_set(state::jsonb, '{username,first_name}', '"Eve"')`);
        await database.query('update deployment set generation = generation + 1');
      });
      expect(await nameNow()).toBe('Eve');
      await app.withStore((store, database) => rebuild(database, store, () => {}));
      expect(await nameNow()).toBe('Ann');
      expect((await app.getById(body.user_id as UserId)).version).toBe(1);
    } finally {
      await stop();
      await place.drop();
    }
  });
});
