import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { killNine, listening, runLumin, startMain } from '../fixtures/child.ts';
import { embedded, onEachDatabase } from '../fixtures/database-kinds.ts';
import { creation } from '../fixtures/people.ts';

const last: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of last.splice(0).reverse()) await clean();
});

const made = async (make: typeof embedded.make) => {
  const place = await make();
  last.push(place.drop);
  return place;
};
const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'lumin-reset-'));
  last.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
};
/** As a service leaves it that has run. */
const dataFolder = async () => {
  const { url } = await made(embedded.make);
  const path = url.replace('pglite://', '');
  writeFileSync(join(path, 'lumin.lock'), '');
  return { url, path };
};
const lumin = (url: string, args: string[], env = {}) => runLumin(args, { DATABASE_URL: url, ...env });
const withRig = async <T>(url: string, work: (rig: Rig) => Promise<T>): Promise<T> => {
  const rig = await openRig(url);
  return work(rig).finally(rig.close);
};

onEachDatabase('lumin demo', (make) => {
  it('fills an empty database, with people and tasks of every status, by every rule of the log, and is refused the second time', async () => {
    const { url } = await made(make);
    const { code, stdout, stderr } = await lumin(url, ['demo', '--users', '250', '--seed', '3']);
    expect([code, stderr]).toEqual([0, '']);
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({ seed: 3, users: 250 });
    expect(Object.keys(told.statuses).sort()).toEqual(['active', 'blocked', 'deleted', 'inactive']);
    // Nothing of this release cancels a task.
    expect(Object.keys(told.tasks).sort()).toEqual(['failed', 'queued', 'running', 'succeeded']);
    await withRig(url, async (rig) => {
      expect(await rig.verify()).toEqual({ users: 250, events: told.events, violations: [] });
      // Lists by created_after rely on it.
      const times = (await rig.log()).map(({ at }) => at);
      expect(times).toEqual(times.toSorted());
      expect((await rig.tasks.find(told.look.failed_task))?.error).toMatchObject({ code: 'email-taken' });
      expect((await rig.types(told.look.longest_history)).length).toBeGreaterThan(5);
    });
    const again = await lumin(url, ['demo']);
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toMatch(/^lumin: demo fills an empty database, and the log of .+ has [\d,]+ events; .+\n$/);
  });
});

describe('lumin demo', () => {
  it('is refused in production, and takes no more people than it says', async () => {
    const { url } = await made(embedded.make);
    const production = await lumin(url, ['demo'], { APP_ENV: 'production', AUTH_MODE: 'off-behind-gateway' });
    expect(production).toMatchObject({ code: 1, stderr: expect.stringContaining('this is production') });
    for (const users of ['0', '10001', 'many']) expect(await lumin(url, ['demo', '--users', users])).toMatchObject({ code: 2, stdout: '' });
  });

  it('fills the embedded database of a service that runs', async () => {
    const { url } = await made(embedded.make);
    const service = startMain({ DATABASE_URL: url });
    last.push(() => killNine(service));
    const address = await listening(service);
    const { code, stdout } = await lumin(url, ['demo', '--users', '60']);
    expect(code).toBe(0);
    const { items } = (await (await fetch(`${address}/api/users?limit=200`)).json()) as { items: unknown[] };
    expect(items).toHaveLength(60 - (JSON.parse(stdout).statuses.deleted ?? 0));
    expect(await lumin(url, ['verify'])).toMatchObject({ code: 0 });
  });
});

describe('lumin reset', () => {
  it('removes an empty database when it is told to, and nothing else', async () => {
    const nowhere = `pglite://${join(folder(), 'data')}`;
    expect(await lumin(nowhere, ['reset', '--yes'])).toMatchObject({ code: 0, stdout: expect.stringContaining('there is no data folder') });
    const { url, path } = await dataFolder();
    await withRig(url, async (rig) => rig.database.query('select 1'));
    expect(await lumin(url, ['reset'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/is removed; nobody can be asked here.+--yes/),
    });
    expect(await lumin(url, ['reset', '--yes'])).toMatchObject({ code: 0, stdout: expect.stringContaining('is gone') });
    expect(readdirSync(path)).toEqual(['lumin.lock']);
  });

  it('asks twice where the log has events', async () => {
    const { url, path } = await dataFolder();
    await withRig(url, (rig) => rig.execute(creation()));
    for (const flags of [[], ['--yes']])
      expect(await lumin(url, ['reset', ...flags])).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/has 1 event: .+ --lose-the-log/),
      });
    expect(await lumin(url, ['reset', '--lose-the-log'])).toMatchObject({ code: 1, stderr: expect.stringMatching(/nobody can be asked/) });
    expect(existsSync(join(path, 'pg/PG_VERSION'))).toBe(true);
    expect(await lumin(url, ['reset', '--lose-the-log', '--yes'])).toMatchObject({ code: 0 });
    expect(readdirSync(path)).toEqual(['lumin.lock']);
  });

  it('is refused in production, and while a service has the folder open', async () => {
    const { url } = await dataFolder();
    const production = await lumin(url, ['reset', '--yes'], { APP_ENV: 'production', AUTH_MODE: 'off-behind-gateway' });
    expect(production).toMatchObject({ code: 1, stderr: expect.stringContaining('this is production') });
    const service = startMain({ DATABASE_URL: url });
    last.push(() => killNine(service));
    await listening(service);
    const inUse = await lumin(url, ['reset', '--yes', '--lose-the-log']);
    expect(inUse).toMatchObject({ code: 1, stderr: expect.stringMatching(new RegExp(`in use by process ${service.pid}`)) });
  });

  it('leaves what it has not made: other files in the folder, and what links lead to', async () => {
    const elsewhere = folder();
    writeFileSync(join(elsewhere, 'precious'), 'x');
    const { url, path } = await dataFolder();
    writeFileSync(join(path, 'notes.txt'), 'mine');
    symlinkSync(elsewhere, join(path, 'pg/pg_tblspc/away'));
    const { code, stdout } = await lumin(url, ['reset', '--yes']);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/left, because .+: notes\.txt\n$/)]);
    expect(readdirSync(path).sort()).toEqual(['lumin.lock', 'notes.txt']);
    expect(readdirSync(elsewhere)).toEqual(['precious']);
  });

  it.each<[string, (path: string) => void, RegExp]>([
    ['a home', (path) => writeFileSync(join(path, 'letter'), 'x'), /it has no lumin\.lock/],
    [
      'a folder with another pg in it',
      (path) => {
        writeFileSync(join(path, 'lumin.lock'), '');
        mkdirSync(join(path, 'pg'));
        writeFileSync(join(path, 'pg/thesis'), 'x');
      },
      /pg in it lacks PG_VERSION/,
    ],
    [
      'a folder whose pg leads elsewhere',
      (path) => {
        writeFileSync(join(path, 'lumin.lock'), '');
        mkdirSync(join(path, 'other'));
        writeFileSync(join(path, 'other/thesis'), 'x');
        symlinkSync(join(path, 'other'), join(path, 'pg'));
      },
      /pg in it is no folder of its own/,
    ],
  ])('leaves %s alone', async (_, fill, reason) => {
    const path = folder();
    fill(path);
    const before = readdirSync(path, { recursive: true });
    const { code, stderr } = await lumin(`pglite://${path}`, ['reset', '--yes', '--lose-the-log']);
    expect([code, stderr]).toEqual([1, expect.stringMatching(reason)]);
    expect(readdirSync(path, { recursive: true })).toEqual(before);
  });

  it('says of PostgreSQL what to do instead, without the password', async () => {
    const { code, stderr } = await lumin('postgresql://ann:s3cret@db.example.com:5433/lumin', ['reset', '--yes', '--lose-the-log']);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /dropdb -h db\.example\.com -p 5433 lumin && createdb -h db\.example\.com -p 5433 -O ann lumin && npm run migrate/,
    );
    expect(stderr).not.toContain('s3cret');
  });
});
