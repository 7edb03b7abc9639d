import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { UserId } from '../../src/domain/value-objects/user-id.ts';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { findPostgres, type OwnServer, startPostgres } from '../fixtures/own-servers.ts';
import { request } from '../fixtures/people.ts';
import { until } from '../fixtures/until.ts';

const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
const statements = [...page.matchAll(/```sql\n(.*?)```/gs)]
  .flatMap(([, text = '']) => text.split(/;\n\s*/))
  .filter((text) => text !== '')
  .map((text) => ({ title: /^(?:-- )?(.+)/.exec(text)?.[1] ?? '', text }));
/** The user whose id the page has. */
const USER = UserId('550e8400-e29b-41d4-a716-446655440000');

describe.skipIf(findPostgres() === undefined)('docs/operations.md [needs PostgreSQL: install it]', () => {
  let server: OwnServer;
  let rig: Rig;
  const strangers: pg.Client[] = [];

  /** A session of a person, or of another application. */
  const stranger = async (name: string): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: server.url, application_name: name });
    strangers.push(client);
    await client.connect();
    return client;
  };
  /** What the page's statement with this title says. */
  const ask = (title: string): Promise<any[]> =>
    rig.database.query(statements.find((one) => one.title.startsWith(title))?.text ?? 'the page has no such statement');

  beforeAll(async () => {
    server = (await startPostgres({ conf: { max_prepared_transactions: '2' } })) as OwnServer;
    rig = await openRig(server.url);
    await rig.execute(request('create', USER, { username: { first_name: 'Ann' }, email: 'ann@example.com' }));
  });
  afterEach(async () => {
    for (const client of strangers.splice(0)) await client.end();
  });
  afterAll(async () => {
    await rig?.close();
    await server?.stop();
  });

  it('has statements', () => expect(statements.length).toBeGreaterThan(10));

  it.each(statements)('has one that the database takes: $title', async ({ text }) => {
    await rig.database.query(text);
  });

  it.each([
    ['select position from log_head for update', 'RowShareLock'],
    ['update log_head set position = position', 'RowExclusiveLock'],
    ['lock table log_head in access exclusive mode', 'AccessExclusiveLock'],
    ['lock table log_head in share mode', 'ShareLock'],
    ['alter table log_head alter column position set statistics 100', 'ShareUpdateExclusiveLock'],
    ['truncate log_head', 'AccessExclusiveLock'],
  ])('shows who holds the head by %s, and who waits', async (statement, lock) => {
    const holder = await stranger('a report');
    await holder.query(`begin; ${statement}`);
    const waiting = await stranger('another report');
    const locked = waiting.query('begin; lock table log_head in access exclusive mode');

    const [held] = await until('the holder and who waits are there', async () => {
      const rows = (await ask('Who holds the head of the log')).filter(({ table }) => table === 'log_head');
      return rows.length === 2 && rows;
    });
    expect(held).toMatchObject({
      application: 'a report',
      usename: 'postgres',
      state: 'idle in transaction',
      prepared: null,
      waits_for: [],
    });
    expect(held.locks).toContain(lock);
    expect(held.client_addr).toBe('127.0.0.1');
    expect(held.open_for).not.toBe(null);
    expect(held.statement).toBe(`begin; ${statement}`.slice(0, 60));
    const [told] = await ask('Who waits for whom');
    expect(told).toMatchObject({ application_name: 'another report', blocked_by: held.pid, by_application: 'a report' });
    await holder.query('rollback');
    await locked;
  });

  it('shows who holds the row of one user, or a table, and of the statement no value', async () => {
    const holder = await stranger('psql');
    await holder.query(`begin; select 79991234567 as phone from users where user_id = '${USER}' for update`);
    const inWay = [...(await ask('Who holds the row of this user')), ...(await ask('Who holds the head of the log'))];
    expect(inWay).toMatchObject([
      { pid: inWay[1].pid, application_name: 'psql' },
      { table: 'users', application: 'psql' },
    ]);
    for (const { statement } of inWay) expect(statement).toBe('begin; select … as phone from users where user_id = …');
  });

  it('shows a prepared transaction, which no session has any more', async () => {
    const client = await stranger('a coordinator');
    await client.query(`begin; select from log_head for update; select from users where user_id = '${USER}' for update`);
    await client.query(`prepare transaction 'forgotten'`);
    await client.end();
    strangers.pop();
    for (const title of ['Who holds the head of the log', 'Who holds the row of this user'])
      expect((await ask(title))[0]).toMatchObject({ pid: null, prepared: 'forgotten', open_for: expect.anything() });
    expect(await ask('Transactions that were prepared')).toMatchObject([{ gid: 'forgotten', owner: 'postgres' }]);
    await rig.database.query(`rollback prepared 'forgotten'`);
    expect(await ask('Who holds the row of this user')).toEqual([]);
  });
});
