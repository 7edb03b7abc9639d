import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UserId } from '../../src/domain/value-objects/user-id.ts';
import { openRig } from '../fixtures/application-rig.ts';
import { root, runLumin, startLumin } from '../fixtures/child.ts';
import { anyStore, embedded, type Store } from '../fixtures/database-kinds.ts';
import { creation, newId, rename, request } from '../fixtures/people.ts';
import { until } from '../fixtures/until.ts';

const PERSONAL = /Pers0nal|pers0nal|\+1202555|"personal"/;

describe('npm run lumin', () => {
  let place: Store;
  let id: UserId;
  let other: UserId;
  const lumin = (...args: string[]) => runLumin(args, { DATABASE_URL: place.url });
  const lines = (text: string): any[] =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  const withRig = async <T>(work: (rig: Awaited<ReturnType<typeof openRig>>) => Promise<T>): Promise<T> => {
    const rig = await openRig(place.url);
    try {
      return await work(rig);
    } finally {
      await rig.close();
    }
  };

  beforeAll(async () => {
    place = await anyStore();
    await withRig(async (rig) => {
      const person = creation({
        username: { first_name: 'Pers0nal', last_name: 'Name' },
        email: 'pers0nal@example.com',
        phone: '+12025550100',
      });
      const second = creation({ username: { first_name: 'Second' }, email: 'second@example.com' });
      [id, other] = [person.user_id, second.user_id];
      for (const command of [person, second, rename(id, 'Pers0nal Two'), request('block', id, { reason: 'Pers0nal reason' })])
        await rig.execute(command);
      await rig.execute(request('record_profile_view', id, { viewer_id: newId(), source: 'search' }));
    });
  });
  afterAll(() => place?.drop());

  describe('-- events', () => {
    it('prints the log as JSON lines, without personal data', async () => {
      const { code, stdout, stderr } = await lumin('events');
      expect([code, stderr]).toEqual([0, '']);
      expect(lines(stdout).map(({ position, type }) => `${position} ${type}`)).toEqual([
        '1 UserCreated',
        '2 UserCreated',
        '3 UserUsernameChanged',
        '4 UserBlocked',
        '5 ProfileViewed',
      ]);
      expect(lines(stdout)[2]).toMatchObject({ stream: `user-${id}`, version: 2, changed: ['username'], at: expect.any(String) });
      expect(stdout).not.toMatch(PERSONAL);
    });

    it('begins after a position, and keeps to one user and the views of that user', async () => {
      const [after, user, both] = await Promise.all([
        lumin('events', '--after', '3'),
        lumin('events', '--user', id.toUpperCase()),
        lumin('events', '--after', '2', '--user', other),
      ]);
      expect(lines(after.stdout).map(({ position }) => position)).toEqual([4, 5]);
      expect(lines(user.stdout).map(({ position }) => position)).toEqual([1, 3, 4, 5]);
      expect(both).toMatchObject({ code: 0, stdout: '' });
    });

    it('goes on with --follow until it is interrupted', async () => {
      // The embedded database lets one process in.
      if (place.url.startsWith('pglite')) return;
      const child = startLumin(['events', '--follow', '--after', '4'], { DATABASE_URL: place.url });
      await until('the log so far is there', () => lines(child.stdout() || '[]').length === 1 && child.stdout() !== '');
      await withRig((rig) => rig.execute(rename(other, 'Pers0nal Later')));
      await until('the new event is there', () => child.stdout().split('\n').length === 3);
      expect(lines(child.stdout()).map(({ position, type }) => `${position} ${type}`)).toEqual([
        '5 ProfileViewed',
        '6 UserUsernameChanged',
      ]);
      expect(child.stdout()).not.toMatch(PERSONAL);
      child.process.kill('SIGINT');
      expect([await child.exited, child.stderr()]).toEqual([0, '']);
    });
  });

  describe('-- users', () => {
    it('get prints one user, whatever the case of the id', async () => {
      const { code, stdout } = await lumin('users', 'get', id.toUpperCase());
      expect(code).toBe(0);
      expect(lines(stdout)).toMatchObject([{ user_id: id, version: 3, status: 'blocked', email: 'pers0nal@example.com' }]);
      const nobody = newId();
      expect(await lumin('users', 'get', nobody)).toEqual({ code: 1, stdout: '', stderr: `lumin: there is no user ${nobody}\n` });
    });

    it('list prints users, latest first, and takes filters', async () => {
      const [all, blocked, email, one, prefix] = await Promise.all([
        lumin('users', 'list'),
        lumin('users', 'list', '--status', 'blocked'),
        lumin('users', 'list', '--email', 'SECOND@example.com'),
        lumin('users', 'list', '--limit', '1'),
        lumin('users', 'list', '--q', 'pers0nal@', '--status', 'active'),
      ]);
      const idsOf = ({ code, stdout }: { code: number | null; stdout: string }) =>
        code === 0 && (stdout === '' ? [] : lines(stdout).map(({ user_id }) => user_id));
      expect([all, blocked, email, one, prefix].map(idsOf)).toEqual([[other, id], [id], [other], [other], []]);
      expect(Object.keys(lines(all.stdout)[0])).toEqual(['user_id', 'status', 'version', 'name', 'email', 'phone', 'created_at']);
    });
  });

  it('-- rebuild prints how far it is, and mends what was wrong', async () => {
    await withRig((rig) =>
      rig.database.query('update users set version = 9').then(() => rig.database.query('delete from profile_view_counts')),
    );
    const { code, stdout, stderr } = await lumin('rebuild');
    expect([code, stderr]).toEqual([0, '']);
    expect(lines(stdout)).toEqual([{ done: 2, total: 2 }, { rebuilt: 2 }]);
    expect(await lumin('verify')).toMatchObject({ code: 0, stdout: expect.stringMatching(/no rule broken\n$/) });
  });

  it('leaves quietly when whoever reads the output has seen enough', () => {
    if (place.url.startsWith('pglite')) return;
    const command = `"${process.execPath}" "${join(root, 'src/lumin.ts')}" events 2>&1 | head -n 1`;
    const env = { PATH: process.env.PATH, DATABASE_URL: place.url };
    expect(execFileSync('sh', ['-c', command], { env, cwd: tmpdir(), encoding: 'utf8' })).toMatch(/^\{"position":1,.*\}\n$/);
  });

  it('--help names every command, and loads none of them', async () => {
    const coverage = mkdtempSync(join(tmpdir(), 'lumin-help-'));
    try {
      const { code, stdout } = await runLumin(['--help'], { NODE_V8_COVERAGE: coverage, DATABASE_URL: 'nonsense' });
      expect(code).toBe(0);
      for (const name of ['config', 'doctor', 'demo', 'reset', 'migrate', 'verify', 'rebuild', 'events', 'users', 'completion', 'help'])
        expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
      const [file] = readdirSync(coverage);
      const { result } = JSON.parse(readFileSync(join(coverage, file ?? ''), 'utf8'));
      const loaded = result.map(({ url }: { url: string }) => /\/(src\/.*|node_modules\/.*)$/.exec(url)?.[1]).filter(Boolean);
      expect(loaded.filter((file: string) => !file.startsWith('node_modules/commander/')).sort()).toEqual(
        ['completion', 'program', 'release'].map((name) => `src/cli/${name}.ts`).concat('src/lumin.ts'),
      );
    } finally {
      rmSync(coverage, { recursive: true });
    }
  });

  it.each([
    ['nothing-of-ours'],
    ['rebuild', '--dry-run'],
    ['events', '--after', 'x'],
    ['events', '--after=-1'],
    ['events', '--user', 'x'],
    ['events', '--nonsense'],
    ['users'],
    ['users', 'get'],
    ['users', 'get', 'x'],
    ['users', 'list', '--status', 'gone'],
    ['users', 'list', '--limit', '0'],
    ['users', 'list', '--status', 'active', 'more'],
    ['help', 'usrs'],
    ['migrate', 'sideways'],
    ['migrate', '--yes'],
    ['completion', 'fish'],
    ['verify', '--url', 'http://127.0.0.1:1'],
    ['users', 'list', '--url', 'localhost:8000'],
    ['users', 'list', '--url', 'http://key@localhost:8000'],
    ['events', '--url', 'http://127.0.0.1:1'],
  ])('refuses %s %s with exit code 2 and two lines, and does nothing', async (...args) => {
    const { code, stdout, stderr } = await runLumin(args, { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' });
    expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^lumin: .+\nlumin: (?:Did you mean .+\?|lumin help.* says what it takes)\n$/);
  });

  it.each([
    [['verfy'], 'verify'],
    [['users', 'lst'], 'list'],
    [['users', 'list', '--statsu', 'active'], '--status'],
    [['events', '--folow'], '--follow'],
  ])('asks after %j whether %s was meant', async (args, meant) => {
    const { code, stderr } = await runLumin(args, {});
    expect([code, stderr]).toEqual([2, expect.stringContaining(`lumin: Did you mean ${meant}?\n`)]);
  });

  it.each([
    ['config'],
    ['doctor'],
    ['demo'],
    ['reset'],
    ['migrate'],
    ['verify'],
    ['rebuild'],
    ['events'],
    ['users'],
    ['users', 'get'],
    ['users', 'list'],
    ['completion'],
  ])('help %s %s has an example, fits 80 columns, and is what --help says', async (...name) => {
    const [help, flag] = await Promise.all([runLumin(['help', ...name], {}), runLumin([...name, '--help'], {})]);
    expect(help.stdout).toContain(`Usage: lumin ${name.join(' ')}`);
    expect(help.stdout).toMatch(/^Examples:\n( +\S.*\n)+$/m);
    expect(Math.max(...help.stdout.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect([help.code, flag]).toEqual([0, help]);
  });

  it('says its version', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(await runLumin(['--version'], {})).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('works on an embedded database whose service is stopped', async () => {
    const folder = await embedded.make();
    try {
      const rig = await openRig(folder.url);
      await rig.execute(creation());
      await rig.close();
      const { code, stdout } = await runLumin(['rebuild'], { DATABASE_URL: folder.url });
      expect([code, lines(stdout)]).toEqual([0, [{ done: 1, total: 1 }, { rebuilt: 1 }]]);
    } finally {
      await folder.drop();
    }
  });
});
