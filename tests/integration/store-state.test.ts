import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { storeWrites } from '../../src/infrastructure/persistence/event-store/store-writes.ts';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { headHolder } from '../fixtures/head-holder.ts';
import { expectProblem } from '../fixtures/http.ts';
import { startService } from '../fixtures/http-service.ts';
import { untold } from '../fixtures/told.ts';
import { until } from '../fixtures/until.ts';

const postgres = storeKinds().at(-1);

describe.skipIf(inject('postgresUrl') === null)('an empty append shows that changes do not go through [needs PostgreSQL]', () => {
  let place: Store;
  let rig: Rig;
  let stranger: pg.Client;
  beforeAll(async () => {
    place = (await postgres?.make()) as Store;
    // One connection, so that what a session sets is set for the next append.
    rig = await openRig(place.url, { connections: 1 });
    stranger = new pg.Client({ connectionString: place.url });
    await stranger.connect();
  });
  afterAll(async () => {
    await stranger?.end();
    await rig?.close();
    await place?.drop();
  });

  /** By a clock that stands still until it is told: each look is at a time at which one is due. */
  const setUp = () => {
    let seconds = 0;
    const { look, state } = storeWrites(rig.store, untold, () => seconds * 1000);
    const later = async (): Promise<string> => {
      seconds += 10;
      await look().catch(() => {});
      return state();
    };
    return { later };
  };

  it('where the session may only read, and that they do again', async () => {
    const { later } = setUp();
    const readOnly = (value: 'on' | 'off') => rig.database.query(`select set_config('default_transaction_read_only', '${value}', false)`);
    await readOnly('on');
    expect(await later()).toBe('read-only');
    await readOnly('off');
    expect(await later()).toBe('ok');
  });

  it('where the role may not insert', async () => {
    const { later } = setUp();
    const role = `writes_${process.pid}`;
    await stranger.query(`create role ${role}; grant pg_read_all_data to ${role}; grant update on log_head to ${role}`);
    await rig.database.query(`select set_config('role', '${role}', false)`);
    expect(await later()).toBe('read-only');
    await rig.database.query(`select set_config('role', 'none', false)`);
    expect(await later()).toBe('ok');
    await stranger.query(`drop owned by ${role}; drop role ${role}`);
  });

  it.each(['events', 'users', 'tasks', 'idempotency_keys', 'profile_view_counts', 'profile_viewers'])(
    'where another session has locked the table %s',
    async (table) => {
      const { later } = setUp();
      await stranger.query(`begin; lock table ${table}`);
      expect(await later()).toBe('ok');
      expect(await later()).toBe('busy');
      await stranger.query('rollback');
      expect(await later()).toBe('ok');
    },
  );
});

it.skipIf(inject('postgresUrl') === null)(
  'a process tells its clients of a row that is held, by itself that the head of the log is, stays ready, and tells when it is over [needs PostgreSQL]',
  async () => {
    const place = (await postgres?.make()) as Store;
    const service = await startService(place.url);
    const [holder, stranger] = [await headHolder(place.url), new pg.Client({ connectionString: place.url })];
    await stranger.connect();
    const store = async () => (await service.request('GET', '/health')).body.checks.store;
    await until('the store is ok', async () => (await store()) === 'ok');
    const user = (await service.request('POST', '/api/users', { username: { first_name: 'Ann' }, email: 'ann@example.com' })).body;
    await stranger.query('begin; select from users for update');
    const refused = await service.request('PATCH', `/api/users/${user.user_id}/bio`, { new_bio: 'Hi' });
    expectProblem(refused, 503, 'store-busy');
    expect(refused.headers['retry-after']).toBe('1');
    expect(await store()).toBe('ok');
    await stranger.query('rollback');
    await holder.hold();
    await until('it tells that the store is busy', async () => (await store()) === 'busy');
    const ready = await service.request('GET', '/health/ready');
    expect([ready.status, ready.body.status]).toEqual([200, 'degraded']);
    expect((await service.request('GET', '/metrics')).text).toMatch(/^lumin_store_writable 0$/m);
    await holder.release();
    await until('it tells that the store is ok', async () => (await store()) === 'ok');
    expect((await service.request('GET', '/metrics')).text).toMatch(/^lumin_store_writable 1$/m);
    await Promise.all([holder.close(), stranger.end()]);
    await service.stop();
    await place.drop();
  },
);
