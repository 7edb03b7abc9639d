import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openDatabase } from '../../src/infrastructure/persistence/database/open-database.ts';
import { listening, startMain } from '../fixtures/child.ts';
import { makeDatabase, type Store } from '../fixtures/database-kinds.ts';
import { aUser, created } from '../fixtures/http.ts';
import { startService } from '../fixtures/http-service.ts';
import { findPgbouncer, type OwnServer, startPgbouncer } from '../fixtures/own-servers.ts';
import { until } from '../fixtures/until.ts';

const missing = inject('postgresUrl') === null ? 'PostgreSQL: set TEST_DATABASE_URL or install it' : 'PgBouncer: install pgbouncer';
const available = inject('postgresUrl') !== null && findPgbouncer() !== undefined;

describe.skipIf(!available)(`through PgBouncer${available ? '' : ` [needs ${missing}]`}`, () => {
  let store: Store;
  const poolers: OwnServer[] = [];
  const pooler = async (...conf: string[]): Promise<string> => {
    const server = (await startPgbouncer(store.url, conf)) as OwnServer;
    poolers.push(server);
    return server.url;
  };
  beforeAll(async () => {
    store = await makeDatabase(inject('postgresUrl') ?? '');
  });
  afterAll(async () => {
    await Promise.all(poolers.map((server) => server.stop()));
    await store?.drop();
  });

  it('in session pooling the service works, also where it wants more connections than there are', async () => {
    const service = await startService(await pooler('default_pool_size = 3'));
    const user = await created(service);
    const reads = Array.from({ length: 20 }, (_, i) => service.request('GET', `/api/users?limit=${i + 1}`));
    const writes = Array.from({ length: 5 }, () => service.request('POST', '/api/users', aUser()));
    expect((await Promise.all([...reads, ...writes])).map(({ status }) => status)).toEqual([...Array(20).fill(200), ...Array(5).fill(201)]);
    expect((await service.request('GET', `/api/users/${user.user_id}/events`)).body.items[0].time).toBe(user.created_at);
    expect((await service.request('GET', '/health/ready')).status).toBe(200);
    await service.stop();
  });

  it.each([
    ['transaction'],
    ['transaction', 'server_round_robin = 1', 'min_pool_size = 2'],
    ['transaction', 'server_round_robin = 1', 'min_pool_size = 3'],
    ['statement'],
  ])('pool_mode = %s is noticed, whichever connection it gives', async (mode, ...conf) => {
    const url = await pooler(`pool_mode = ${mode}`, ...conf);
    const database = await openDatabase({ kind: 'postgres', url }, 5);
    await expect(database.check()).rejects.toThrow(/pool_mode = session/);
    await database.close();
  });

  it('in transaction pooling the service is not ready and says what to set, at its start and later; no request is answered with 500', async () => {
    const conf = ['pool_mode = transaction'];
    const server = (await startPgbouncer(store.url, conf)) as OwnServer;
    poolers.push(server);
    const child = startMain({ DATABASE_URL: server.url, LOG_LEVEL: 'warn' });
    const address = await listening(child);
    const status = async (path: string): Promise<number> => (await fetch(address + path)).status;
    const said = (): number => child.stdout().match(/pool_mode = session/g)?.length ?? 0;

    await until('what to set is said', () => said() === 1);
    expect(await Promise.all(['/health/ready', '/api/users'].map(status))).toEqual([503, 503]);
    conf[0] = 'pool_mode = session';
    await server.restart();
    await until('it is ready', async () => (await status('/health/ready')) === 200);
    expect(await status('/api/users')).toBe(200);

    conf[0] = 'pool_mode = transaction';
    await server.restart();
    const seen = new Set<number>();
    await until('it is not ready any more', async () => {
      const paths = Array.from({ length: 20 }, (_, i) => `/api/users?limit=${i + 1}`);
      for (const one of await Promise.all(paths.map(status))) seen.add(one);
      return (await status('/health/ready')) === 503 && said() === 2;
    });
    expect([...seen].filter((one) => one !== 200 && one !== 503)).toEqual([]);
    child.process.kill('SIGTERM');
    expect(await child.exited).toBe(0);
  });
});
