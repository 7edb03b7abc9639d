import { jetstreamManager } from '@nats-io/jetstream';
import { describe, expect, it } from 'vitest';
import { until } from '../fixtures/until.ts';
import { connectTo, STREAM } from './gather-stream.ts';
import { hasNats, needsNats } from './needs.ts';
import type { Process, Role } from './processes.ts';
import { type FaultRig, long, publishedOnce, underLoad } from './rig.ts';

const ROUNDS = long ? 30 : 1;
const ROLES: Role[] = ['api', 'worker:tasks', 'worker:outbox'];
const POISONED = `task_${'0'.repeat(26)}`;

type Below = FaultRig['random']['below'];
/** Where a relay dies: after it read, at any moment while it publishes, before and after its checkpoint. */
const relayDies = (below: Below): string[] => [
  `relay.read=kill@${1 + below(40)}`,
  `relay.read=kill:${1 + below(10)}@${1 + below(40)}`,
  `relay.published=kill@${1 + below(10)}`,
  `relay.saved=kill@${1 + below(10)}`,
];
/** Where a task worker dies: before and after the effect. */
const workerDies = (below: Below): string[] => [`task.claimed=kill@${1 + below(10)}`, `task.done=kill@${1 + below(10)}`];

describe.skipIf(!hasNats).concurrent(`workers under load${needsNats}`, () => {
  it('die at every step of theirs: every event is published once, every task takes effect once', async () => {
    const evidence = await underLoad(
      async ({ random, processes, fault, sql }) => {
        const [, tasks, outbox] = processes as [Process, Process, Process];
        const die = (worker: Process, failpoint: string) =>
          fault(
            worker,
            async () => {
              await worker.kill();
              // Who was killed holds its lease for a while; a short run does not wait for that.
              if (!long) await sql(`update leases set until = now()`);
              await worker.start(failpoint);
              await worker.dies();
            },
            () => worker.start(),
          );
        for (let round = 0; round < ROUNDS; round++) {
          const one = async (worker: Process, failpoints: string[]) => {
            for (const failpoint of failpoints) await die(worker, failpoint);
          };
          await Promise.all([one(outbox, relayDies(random.below)), one(tasks, workerDies(random.below))]);
        }
      },
      { roles: ROLES, nats: '' },
    );
    publishedOnce(evidence);
  });

  it('give up a task that never succeeds, leave a dead letter, and go on with what waits behind it', () =>
    underLoad(
      async ({ nats, history, sql }) => {
        const { user_id } = history.find(({ kind, status }) => kind === 'create' && status === 201) as { user_id: string };
        // Of a release that is yet to come, at its last try.
        await sql(`insert into tasks (task_id, command, user_id, attempts, due_at, not_before, created_at)
          values ('${POISONED}', 'dance', '${user_id}', 11, now(), now(), now())`);
        await until('the task is given up', async () => {
          const [task] = await sql(`select error->>'code' as code from tasks where task_id = '${POISONED}' and status = 'failed'`);
          return (task as { code: string } | undefined)?.code === 'internal-error';
        });
        const connection = await connectTo(nats().server.url);
        const { streams } = await jetstreamManager(connection);
        const letter = await until('there is a dead letter', () =>
          streams.getMessage(`${STREAM}-tasks`, { last_by_subj: 'lumin.tasks.dead.dance' }),
        );
        expect(letter.json()).toEqual({ task_id: POISONED, user_id, command: 'dance', attempts: 12, code: 'internal-error' });
        await connection.close();
      },
      { roles: ['all'], nats: '' },
    ));
});
