import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { type Child, killNine, listening, root, startMain } from '../fixtures/child.ts';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { startClients } from '../fixtures/http-clients.ts';
import { openTaskRig, type TaskRig } from '../fixtures/task-rig.ts';
import { until } from '../fixtures/until.ts';
import { peakMemory } from './gather.ts';

const LIMIT_MB = 256;
const natsUrl = inject('natsUrl');
const { make, available } = storeKinds().at(-1) as ReturnType<typeof storeKinds>[number];
const { scripts } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { scripts: Record<string, string> };

let rig: TaskRig | undefined;
const children: Child[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) await killNine(child);
  await rig?.streams.delete(`${rig.unique}-tasks`).catch(() => {});
  await rig?.close();
});

const start = async (role: string, { url }: Store, unique: string): Promise<{ child: Child; address: string }> => {
  const NODE_OPTIONS = (scripts[role]?.match(/--max-\S+/g) ?? []).join(' ');
  const servers = { DATABASE_URL: url, NATS_URL: natsUrl ?? '', NATS_STREAM: unique, NATS_SUBJECT_PREFIX: unique };
  const child = startMain({ ...servers, NODE_OPTIONS, WORKER_PORT: '0', LOG_LEVEL: 'info' }, role);
  children.push(child);
  const address = await listening(child);
  await until('it is ready', async () => (await fetch(`${address}/health/ready`)).ok);
  return { child, address };
};

/** Many at once, until so many are answered. */
const answered = async (count: number, clients: ReturnType<typeof startClients>): Promise<string[]> => {
  await until(`${count} are answered`, () => clients.answered() >= count);
  return clients.created;
};

describe.skipIf(!available || natsUrl === null || process.platform !== 'linux')(
  'memory, with the options of package.json [needs Linux, PostgreSQL and NATS: set TEST_DATABASE_URL and TEST_NATS_URL or install them]',
  () => {
    it(`each role stays below ${LIMIT_MB} MB under load`, { timeout: 120_000 }, async () => {
      const place = await make();
      rig = await openTaskRig(place, natsUrl ?? '');
      const unique = rig.unique;
      const api = await start('api', place, unique);
      const tasks = await start('worker:tasks', place, unique);
      const outbox = await start('worker:outbox', place, unique);
      const creating = startClients({ address: api.address, clients: 250 });
      const [userId = ''] = await answered(3_000, creating);
      const reading = startClients({ address: api.address, clients: 100, path: `/api/users/${userId}` });
      const listing = startClients({ address: api.address, clients: 20, path: '/api/users/?limit=200' });
      await Promise.all([answered(1_000, reading), answered(100, listing)]);
      const changed = creating.created.slice(0, 300);
      const accepted = changed.map((id) =>
        fetch(`${api.address}/api/users/${id}/email?new_email=new${id}@example.com`, { method: 'PATCH' }),
      );
      expect(new Set((await Promise.all(accepted)).map(({ status }) => status))).toEqual(new Set([202]));
      const left = async () =>
        (
          await rig?.database.query<{ tasks: number; events: number }>(
            `select (select count(*) from tasks where finished_at is null) as tasks,
             (select position from log_head) - (select position from checkpoints where name = 'relay') as events`,
          )
        )?.[0];
      expect([...creating.failures, ...reading.failures, ...listing.failures]).toEqual([]);
      await until('the tasks are done', async () => (await left())?.tasks === 0);

      const peaks = { api: peakMemory(api.child.pid), tasks: peakMemory(tasks.child.pid), outbox: peakMemory(outbox.child.pid) };
      for (const [role, mb] of Object.entries(peaks)) {
        expect(mb, role).toBeGreaterThan(0);
        expect(mb, role).toBeLessThan(LIMIT_MB);
      }
    });
  },
);
