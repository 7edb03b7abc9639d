import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { created } from '../fixtures/http.ts';
import { type Service, startService } from '../fixtures/http-service.ts';
import { hasScramPostgres, startScramPostgres } from '../fixtures/scram-postgres.ts';
import { until } from '../fixtures/until.ts';

/** Clients that change users, and others that read them past the cache, without a pause, at whatever service `at` names. */
const startClients = async (at: () => Service) => {
  const statuses: number[] = [];
  const answers = [0, 0, 0, 0, 0, 0];
  let stopping = false;
  const { user_id } = await created(at());
  const client = async (ask: () => Promise<{ status: number }>, index: number): Promise<void> => {
    while (!stopping) {
      statuses.push((await ask()).status);
      answers[index] = (answers[index] ?? 0) + 1;
    }
  };
  const change = () => at().request('PATCH', `/api/users/${user_id}/bio`, { new_bio: `${statuses.length}` });
  const read = () => at().request('GET', `/api/users/${user_id}`, undefined, { 'cache-control': 'no-cache' });
  const list = () => at().request('GET', '/api/users/');
  const running = Promise.all([change, change, read, read, list, list].map(client));
  return {
    /** By each client, so that none is still at the service before. */
    answered: (more: number) => {
      const enough = answers.map((count) => count + more);
      return until(`each client has ${more} more answers`, () => answers.every((count, index) => count >= (enough[index] ?? 0)));
    },
    stop: async () => {
      stopping = true;
      await running;
      return [...new Set(statuses)];
    },
  };
};

describe.skipIf(!hasScramPostgres)('a password of PostgreSQL is changed under load [needs PostgreSQL and psql]', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lumin-passwords-'));
  let server: Awaited<ReturnType<typeof startScramPostgres>>;
  /** Ends sessions of the role, those that are busy first, at most so many. */
  const endSessions = (role: string, most = 100) =>
    server.query(
      `select pg_terminate_backend(pid) from (select pid from pg_stat_activity where usename = '${role}' order by query_start desc limit ${most}) as ended`,
    );
  const start = (url: string): Promise<Service> =>
    startService(url, {
      env: { DATABASE_POOL_SIZE: '2', DATABASE_MAX_OVERFLOW: '0', MIGRATION_DATABASE_URL: server.urlOf('lumin_owner', 'owner') },
    });

  beforeAll(async () => {
    server = await startScramPostgres();
    await server.makeRoles('lumin_service', 'first');
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  it('in a password file, which is read for each connection: no request fails, and no process is restarted', async () => {
    const file = join(folder, 'pgpass');
    const write = (password: string): void => {
      writeFileSync(`${file}.new`, `127.0.0.1:*:*:lumin_service:${password}\n`, { mode: 0o600 });
      renameSync(`${file}.new`, file);
    };
    write('first');
    const service = await start(`${server.urlOf('lumin_service')}?passfile=${file}`);
    const clients = await startClients(() => service);
    await clients.answered(15);
    await server.query(`alter role lumin_service password 'second'`);
    await expect(server.query('select 1', server.urlOf('lumin_service', 'first'))).rejects.toMatchObject({ code: '28P01' });
    // A connection that is lost in between cannot be made again; the other one does until it can.
    await endSessions('lumin_service', 1);
    await clients.answered(15);
    write('second');
    await endSessions('lumin_service');
    await clients.answered(15);
    expect(await clients.stop()).toEqual([200]);
    await service.stop();
  });

  it('by two roles in turn: no request fails while the processes are replaced one by one, and the old role is locked out', async () => {
    await server.makeRoles('lumin_service', 'first');
    let one = await start(server.urlOf('lumin_service', 'first'));
    const clients = await startClients(() => one);
    await clients.answered(15);
    await server.makeRoles('lumin_service_b', 'other');
    const replaced = one;
    one = await start(server.urlOf('lumin_service_b', 'other'));
    await clients.answered(15);
    await replaced.stop();
    await server.query('alter role lumin_service nologin');
    expect(await endSessions('lumin_service')).toEqual([]);
    await clients.answered(15);
    expect(await clients.stop()).toEqual([200]);
    await one.stop();
    // The next time it is its turn again.
    await server.makeRoles('lumin_service', 'new');
    expect(await server.query('select 1', server.urlOf('lumin_service', 'new'))).toHaveLength(1);
    await expect(server.query(`delete from events`, server.urlOf('lumin_service_b', 'other'))).rejects.toMatchObject({ code: '42501' });
  });
});
