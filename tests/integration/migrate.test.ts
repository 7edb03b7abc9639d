import { afterEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/infrastructure/container/config.ts';
import type { Database } from '../../src/infrastructure/persistence/database/database.ts';
import { openDatabase } from '../../src/infrastructure/persistence/database/open-database.ts';
import { openRig } from '../fixtures/application-rig.ts';
import { runLumin } from '../fixtures/child.ts';
import { anyStore, storeKinds } from '../fixtures/database-kinds.ts';
import { creation } from '../fixtures/people.ts';

const first = '0001-event-store';
const last: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of last.splice(0).reverse()) await clean();
});

const open = async (url: string): Promise<Database> => {
  const database = await openDatabase(readConfig({ DATABASE_URL: url }).DATABASE_URL, 2);
  last.push(database.close);
  return database;
};

describe.each(storeKinds())('the schema on $name', ({ available, make }) => {
  it.skipIf(!available)('goes up, says where it stands, goes down without a trace, and up again', async () => {
    const place = await make();
    last.push(place.drop);
    const database = await open(place.url);
    const objects = () =>
      database.query(
        `select c.relname as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relname not like 'kysely%'
         union all select p.proname from pg_proc p where p.pronamespace = 'public'::regnamespace`,
      );

    const pending = (await database.migrate('status')).map(({ name }) => name);
    expect(pending[0]).toBe(first);
    expect(await database.migrate('up')).toEqual(pending.map((name) => ({ name, state: 'applied' })));
    expect(await database.migrate('status')).toEqual(pending.map((name) => ({ name, state: 'applied' })));
    expect(await database.migrate('up')).toEqual([]);
    const before = await objects();
    expect(before.length).toBeGreaterThan(0);

    for (const name of pending.toReversed()) expect(await database.migrate('down')).toEqual([{ name, state: 'reverted' }]);
    expect(await objects()).toEqual([]);
    expect(await database.migrate('down')).toEqual([]);

    await database.migrate('up');
    expect(await objects()).toHaveLength(before.length);
  });

  it.skipIf(!available)('of a later release is good enough for this one, which may start again beside it or after it', async () => {
    const place = await make();
    last.push(place.drop);
    const database = await open(place.url);
    await database.migrate('up');
    await database.query(`insert into kysely_migration values ('9999-of-a-later-release', '2099-01-01T00:00:00.000Z')`);
    expect(await database.migrate('up')).toEqual([]);
  });
});

const postgres = storeKinds().at(-1);

describe.skipIf(!postgres?.available)('eight that migrate one empty database at the same time [needs PostgreSQL]', () => {
  it('all succeed, and each step is applied once', async () => {
    const place = await (postgres as NonNullable<typeof postgres>).make();
    last.push(place.drop);
    const databases = await Promise.all(Array.from({ length: 8 }, () => open(place.url)));
    const steps = await Promise.all(databases.map((database) => database.migrate('up')));
    const names = steps.flat().map(({ name }) => name);
    expect(names.filter((name) => name === first)).toHaveLength(1);
    expect(new Set(names).size).toBe(names.length);
  });

  it('and so do two processes', async () => {
    const place = await (postgres as NonNullable<typeof postgres>).make();
    last.push(place.drop);
    const runs = await Promise.all([0, 1].map(() => runLumin(['migrate'], { DATABASE_URL: place.url })));
    expect(runs.map(({ code, stderr }) => ({ code, stderr }))).toEqual([0, 1].map(() => ({ code: 0, stderr: '' })));
    const applied = runs.flatMap(({ stdout }) => stdout.match(/\S+ applied/g) ?? []);
    expect(applied.filter((line) => line === `${first} applied`)).toHaveLength(1);
    expect(new Set(applied).size).toBe(applied.length);
  });
});

describe('npm run migrate', () => {
  it('says what it did, and refuses what it does not know', async () => {
    const place = await anyStore();
    last.push(place.drop);
    const migrate = (direction: string) => runLumin(['migrate', direction], { DATABASE_URL: place.url });
    expect(await migrate('up')).toMatchObject({ code: 0, stdout: expect.stringContaining(`${first} applied\n`), stderr: '' });
    expect(await migrate('sideways')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/Allowed choices are up, down, status/),
    });
  });

  it('down is done by who is told what may be lost, and says so twice where that is the log', async () => {
    const place = await anyStore();
    last.push(place.drop);
    const down = (more: string[], env = {}) => runLumin(['migrate', 'down', ...more], { DATABASE_URL: place.url, ...env });
    const migrateUp = () => runLumin(['migrate'], { DATABASE_URL: place.url });
    await migrateUp();
    const unasked = await down([]);
    expect(unasked).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/one step back; nobody can be asked here.+--yes/) });
    const production = { APP_ENV: 'production', AUTH_MODE: 'off-behind-gateway' };
    expect(await down(['--yes'], production)).toMatchObject({ code: 1, stderr: expect.stringMatching(/because this is production/) });
    expect(await down(['--yes'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/reverted/) });

    await migrateUp();
    const rig = await openRig(place.url);
    await rig.execute(creation());
    await rig.close();
    for (const flags of [[], ['--yes']]) {
      const refused = await down(flags);
      expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/has 1 event: .+ --lose-the-log/) });
    }
    expect(await down(['--lose-the-log'])).toMatchObject({ code: 1, stderr: expect.stringMatching(/nobody can be asked/) });
    expect(await down(['--lose-the-log', '--yes'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/reverted/) });
    expect(await runLumin(['migrate', 'up', '--yes'], { DATABASE_URL: place.url })).toMatchObject({ code: 2 });
  });

  it('status is an error while steps are pending, also behind some that were applied, and none where a later release was here', async () => {
    const place = await anyStore();
    last.push(place.drop);
    const status = () => runLumin(['migrate', 'status'], { DATABASE_URL: place.url });
    /** Ends before the command does, because the embedded database belongs to one process. */
    const withDatabase = async (work: (database: Database) => Promise<unknown>): Promise<void> => {
      const database = await openDatabase(readConfig({ DATABASE_URL: place.url }).DATABASE_URL, 2);
      await work(database).finally(database.close);
    };
    const lacking = (steps: number) => `lumin: steps of this release that the schema lacks: ${steps}; run npm run migrate\n`;

    const empty = await status();
    const steps = empty.stdout.split('\n').slice(0, -1);
    expect(steps[0]).toBe(`${first} pending`);
    expect(empty).toMatchObject({ code: 1, stderr: lacking(steps.length) });
    await withDatabase(async (database) => {
      await database.migrate('up');
      await database.migrate('down');
    });
    expect(await status()).toMatchObject({ code: 1, stdout: expect.stringContaining(`${first} applied\n`), stderr: lacking(1) });
    await withDatabase(async (database) => {
      await database.migrate('up');
      await database.query(`insert into kysely_migration values ('9999-later', '2099-01-01T00:00:00.000Z')`);
    });
    const later = await status();
    expect(later).toMatchObject({ code: 0, stderr: '' });
    expect(later.stdout.split('\n').slice(0, -1)).toEqual([
      ...steps.map((step) => step.replace('pending', 'applied')),
      '9999-later applied by a later release',
    ]);
  });

  it('says in one line that the database cannot be reached', async () => {
    const { code, stderr } = await runLumin(['migrate'], { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^lumin: nothing listens on .+ \(DATABASE_URL in the environment\): .*\n$/),
    });
  });
});
