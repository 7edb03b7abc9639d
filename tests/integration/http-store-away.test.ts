import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { aUser, created, expectProblem } from '../fixtures/http.ts';
import { type Service, startService } from '../fixtures/http-service.ts';
import { until } from '../fixtures/until.ts';

const postgres = storeKinds().filter(({ name }) => name.startsWith('PostgreSQL'));

describe.each(postgres)('while $name lets nobody in', ({ available, make }) => {
  const test = it.skipIf(!available);
  let store: Store;
  let service: Service;
  let admin: pg.Client;
  let user: any;
  let name: string;

  beforeAll(async () => {
    if (!available) return;
    store = await make();
    name = new URL(store.url).pathname.slice(1);
    service = await startService(store.url);
    user = await created(service);
    admin = new pg.Client({ connectionString: inject('postgresUrl') ?? '' });
    await admin.connect();
    await admin.query(`alter database ${name} allow_connections false`);
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
  });
  afterAll(async () => {
    await admin?.end();
    await service?.stop();
    await store?.drop();
  });

  test('every request is answered in time with 503 and Retry-After, and health tells the truth', async () => {
    const url = `/api/users/${user.user_id}`;
    // What was cached is served for a moment only: while the log cannot be followed, the cache is not trusted.
    await until('the cache is not trusted any more', async () => (await service.request('GET', url)).status === 503, 5_000);
    const started = performance.now();
    const answers = await Promise.all([
      service.request('GET', url),
      service.request('GET', '/api/users'),
      service.request('GET', `${url}/profile`),
      service.request('GET', `${url}/profile-views`),
      service.request('POST', `${url}/profile-views`, { viewer_id: user.user_id }),
      service.request('GET', `${url}/events`),
      service.request('GET', `/api/users/tasks/task_${'0'.repeat(26)}`),
      service.request('POST', '/api/users', aUser()),
      service.request('PATCH', `${url}/email`, { new_email: 'late@example.com' }),
      service.request('DELETE', url, undefined, { 'idempotency-key': 'once' }),
      service.request('GET', '/health/ready'),
    ]);
    // The budget, and what a busy machine adds to it.
    expect(performance.now() - started).toBeLessThan(20_000);
    for (const answer of answers) {
      expectProblem(answer, 503, 'store-unavailable');
      expect(answer.headers['retry-after']).toBe('1');
    }
    expect((await service.request('GET', '/health')).body).toEqual({ status: 'degraded', checks: { store: 'unavailable' } });
    expect((await service.request('GET', '/health/live')).status).toBe(200);
    // What needs no store is answered as ever.
    expectProblem(await service.request('GET', '/api/users/x'), 400, 'invalid-user-id');
    expectProblem(await service.request('POST', '/api/users', {}), 422, 'validation-failed');
  });

  test('nothing has changed, and once it lets us in again requests are served', async () => {
    await admin.query(`alter database ${name} allow_connections true`);
    await until('it is ready', async () => (await service.request('GET', '/health/ready')).status === 200);
    expect((await service.request('GET', `/api/users/${user.user_id}`)).body).toEqual(user);
    expect((await service.request('POST', '/api/users', aUser())).status).toBe(201);
  });
});
