import { afterEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/infrastructure/container/config.ts';
import type { Database } from '../../src/infrastructure/persistence/database/database.ts';
import { openDatabase } from '../../src/infrastructure/persistence/database/open-database.ts';
import { runLumin } from '../fixtures/child.ts';
import { anyStore, storeKinds } from '../fixtures/database-kinds.ts';

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
    expect(steps.flat().filter(({ name }) => name === first)).toHaveLength(1);
  });

  it('and so do two processes', async () => {
    const place = await (postgres as NonNullable<typeof postgres>).make();
    last.push(place.drop);
    const runs = await Promise.all([0, 1].map(() => runLumin(['migrate'], { DATABASE_URL: place.url })));
    expect(runs.map(({ code, stderr }) => ({ code, stderr }))).toEqual([0, 1].map(() => ({ code: 0, stderr: '' })));
    expect(runs.map(({ stdout }) => stdout.split('\n')[0]).sort()).toEqual([`${first} applied`, 'nothing to do']);
  });
});

describe('npm run migrate', () => {
  it('says what it did, and refuses what it does not know', async () => {
    const place = await anyStore();
    last.push(place.drop);
    const migrate = (direction: string) => runLumin(['migrate', direction], { DATABASE_URL: place.url });
    expect(await migrate('status')).toMatchObject({ code: 0, stdout: expect.stringContaining(`${first} pending\n`), stderr: '' });
    expect(await migrate('up')).toMatchObject({ code: 0, stdout: expect.stringContaining(`${first} applied\n`), stderr: '' });
    expect(await migrate('sideways')).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/^lumin: migrate takes/) });
  });

  it('says in one line that the database cannot be reached', async () => {
    const { code, stderr } = await runLumin(['migrate'], { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^lumin: the database cannot be reached.*\n$/) });
  });
});
