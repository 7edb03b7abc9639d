import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { type OwnServer, startNats, startRedis } from '../fixtures/own-servers.ts';
import { hasScramPostgres, startScramPostgres } from '../fixtures/scram-postgres.ts';
import { until } from '../fixtures/until.ts';
import { hasServers, needsServers } from './needs.ts';
import { type Process, prepareProcess, type Role } from './processes.ts';

const ROLES: Role[] = ['api', 'api', 'worker:tasks', 'worker:outbox'];
const last: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of last.splice(0).reverse()) await clean();
});

const natsUsers = (...users: string[]): string =>
  `authorization { users: [ ${users.map((user) => `{ user: ${user}, password: ${user}word }`).join(', ')} ] }`;

/** Clients that create and change users at any process that `ready` names. */
const startClients = (ready: () => Process[]) => {
  const answers: string[] = [];
  let stopping = false;
  const send = async (method: string, path: string, body: object): Promise<void> => {
    const to = ready()[answers.length % ready().length] as Process;
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${to.instance}/api/users${path}`, { method, headers, body: JSON.stringify(body) }).catch(() => null);
    answers.push(String(answer?.status ?? 'no answer'));
  };
  const client = async (): Promise<void> => {
    while (!stopping) {
      const user_id = randomUUID();
      await send('POST', '', { user_id, username: { first_name: 'Ann' }, email: `${user_id}@example.com` });
      await send('PATCH', `/${user_id}/bio`, { new_bio: 'x' });
      await send('PATCH', `/${user_id}/email`, { new_email: `${randomUUID()}@example.com` });
    }
  };
  const running = Promise.all(Array.from({ length: 8 }, client));
  return {
    answered: (more: number) => {
      const enough = answers.length + more;
      return until(`${more} more requests are answered`, () => answers.length >= enough);
    },
    stop: async () => {
      stopping = true;
      await running;
      return [...new Set(answers)].toSorted();
    },
  };
};

describe.skipIf(!(hasServers && hasScramPostgres))(`the passwords of all three servers${needsServers}`, () => {
  it('are changed under load, with two of each for a while and the processes replaced one by one: no request fails', async () => {
    const postgres = await startScramPostgres();
    last.push(postgres.stop);
    const redis = (await startRedis({ args: ['--requirepass', 'first'] })) as OwnServer;
    last.push(redis.stop);
    const nats = (await startNats({ conf: natsUsers('first') })) as OwnServer;
    last.push(nats.stop);
    const reloadNats = (...users: string[]): void => {
      writeFileSync(join(nats.folder, 'nats.conf'), natsUsers(...users));
      process.kill(nats.pid(), 'SIGHUP');
    };
    const admin = new Redis(redis.url, { password: 'first' });
    last.push(() => admin.disconnect());
    await postgres.makeRoles('lumin_service', 'first');

    const start = async (role: Role, user: string, password: string): Promise<Process> => {
      const one = await prepareProcess(role, {
        DATABASE_URL: postgres.urlOf(user, password),
        MIGRATION_DATABASE_URL: postgres.urlOf('lumin_owner', 'owner'),
        DATABASE_POOL_SIZE: '3',
        DATABASE_MAX_OVERFLOW: '1',
        REDIS_URL: redis.url,
        REDIS_PASSWORD: password,
        REDIS_POOL_SIZE: '2',
        NATS_URL: nats.url.replace('//', `//${password}:${password}word@`),
      });
      last.push(one.kill);
      await one.start();
      return one;
    };
    const processes: Process[] = [];
    for (const role of ROLES) processes.push(await start(role, 'lumin_service', 'first'));
    const clients = startClients(() => processes.filter(({ api }) => api));
    await clients.answered(200);

    // 1. Both passwords are good.
    await postgres.makeRoles('lumin_service_b', 'second');
    await admin.call('ACL', 'SETUSER', 'default', '>second');
    reloadNats('first', 'second');
    await clients.answered(100);
    // 2. A process that has the new ones takes the place of each.
    for (const [index, old] of [...processes].entries()) {
      processes[index] = await start(old.role, 'lumin_service_b', 'second');
      old.child().process.kill('SIGTERM');
      expect(await old.child().exited).toBe(0);
      await clients.answered(100);
    }
    // 3. The old ones are good no more.
    await postgres.query('alter role lumin_service nologin');
    await admin.call('ACL', 'SETUSER', 'default', '<first');
    reloadNats('second');
    await clients.answered(200);

    expect(await clients.stop()).toEqual(['200', '201', '202']);
    for (const { instance } of processes)
      await until('all answers', async () => ((await (await fetch(`${instance}/health`)).json()) as { status: string }).status === 'ok');
    await until('everything is published', async () => {
      const [row] = await postgres.query(`select h.position - c.position as behind from log_head h, checkpoints c where c.name = 'relay'`);
      return Number(row?.behind) === 0;
    });
    for (const { child } of processes) {
      child().process.kill('SIGTERM');
      expect(await child().exited).toBe(0);
    }
  });
});
