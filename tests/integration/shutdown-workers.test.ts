import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { type Child, killNine, listening, startMain } from '../fixtures/child.ts';
import { storeKinds } from '../fixtures/database-kinds.ts';
import { startClients } from '../fixtures/http-clients.ts';
import { openRelayRig, type RelayRig } from '../fixtures/relay-rig.ts';
import { openTaskRig } from '../fixtures/task-rig.ts';
import { until } from '../fixtures/until.ts';

const natsUrl = inject('natsUrl') as string;
const { make, available } = storeKinds().at(-1) as ReturnType<typeof storeKinds>[number];
const needs = '[needs PostgreSQL and NATS: set TEST_DATABASE_URL and TEST_NATS_URL or install them]';

const children: Child[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) await killNine(child);
});

const worker = async (role: string, url: string, unique: string): Promise<{ child: Child; address: string }> => {
  const env = { DATABASE_URL: url, NATS_URL: natsUrl, NATS_STREAM: unique, NATS_SUBJECT_PREFIX: unique, WORKER_PORT: '0' };
  const child = startMain(env, role);
  children.push(child);
  const address = await listening(child);
  await until('it is ready', async () => (await fetch(`${address}/health/ready`)).ok);
  return { child, address };
};

/** Clients of the worker's own port, with requests in flight until it stops. */
const onlookers = async (address: string) => {
  const clients = startClients({ address, clients: 100, path: '/health/live' });
  await until('the onlookers are at work', () => clients.answered() > 100);
  return clients;
};

describe.skipIf(!available || inject('natsUrl') === null)(`SIGTERM under load ${needs}`, () => {
  it('an outbox worker lets another one publish at once; the stream is the log', async () => {
    const place = await make();
    const rig: RelayRig = await openRelayRig(place, natsUrl);
    try {
      const leader = async () => (await rig.database.query<{ owner: string }>('select owner from leases'))[0]?.owner;
      const first = await worker('worker:outbox', place.url, rig.unique);
      const before = await until('it leads', leader);
      await worker('worker:outbox', place.url, rig.unique);
      const clients = await onlookers(first.address);
      let writing = true;
      const written = (async () => {
        for (; writing; await sleep(20)) await rig.write(10);
      })();
      await until('it publishes', async () => (await rig.streams.info(rig.unique).catch(() => null))?.state.messages);
      first.child.process.kill('SIGTERM');
      expect(await first.child.exited, first.child.stderr()).toBe(0);
      expect(await leader()).not.toBe(before);
      await clients.ended;
      expect(clients.failures).toEqual([]);
      await until('the other one leads', leader);
      writing = false;
      await written;
      await rig.thenStreamIsLog();
    } finally {
      await rig.streams.delete(rig.unique).catch(() => {});
      await rig.close();
    }
  });

  it('a task worker ends what it began and gives back the rest; each task takes effect once', async () => {
    const place = await make();
    const rig = await openTaskRig(place, natsUrl);
    try {
      const people = await Promise.all(Array.from({ length: 200 }, () => rig.person()));
      const { child, address } = await worker('worker:tasks', place.url, rig.unique);
      const clients = await onlookers(address);
      const tasks = await Promise.all([...people, ...people, ...people].map((userId) => rig.accept(userId)));
      const count = async (status: string): Promise<number> =>
        (await rig.database.query<{ count: number }>('select count(*) as count from tasks where status = $1', [status]))[0]?.count ?? 0;
      await until('it is at work', async () => (await count('succeeded')) > 0);
      child.process.kill('SIGTERM');
      expect(await child.exited, child.stderr()).toBe(0);
      expect(await count('running')).toBe(0);
      await clients.ended;
      expect(clients.failures).toEqual([]);

      await rig.startWorker();
      await Promise.all(tasks.map((taskId) => rig.ended(taskId)));
      expect(await count('succeeded')).toBe(tasks.length);
      for (const userId of people) expect((await rig.users.find(userId))?.version).toBe(4);
    } finally {
      await rig.close();
    }
  });
});
