import { jetstream } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { UserId } from '../../src/domain/value-objects/user-id.ts';
import { authenticationCode } from '../../src/infrastructure/authentication-code.ts';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { changeEmail, newEmail, newId } from '../fixtures/people.ts';
import { badHeads, publishRaw } from '../fixtures/raw-nats.ts';
import { anyTask, openTaskRig, type TaskRig } from '../fixtures/task-rig.ts';
import { until } from '../fixtures/until.ts';

const natsUrl = inject('natsUrl');
const available = inject('postgresUrl') !== null && natsUrl !== null;

describe.skipIf(!available)('tasks over a work queue [needs PostgreSQL and NATS: set TEST_NATS_URL or install them]', () => {
  const rigs: TaskRig[] = [];
  const open = async (): Promise<TaskRig> => {
    const rig = await openTaskRig((await storeKinds().at(-1)?.make()) as Store, natsUrl as string);
    rigs.push(rig);
    return rig;
  };
  afterAll(() => Promise.all(rigs.map((rig) => rig.close())));

  describe.concurrent('', () => {
    it('are shared by the workers, run once each and in order of acceptance of each user, and leave nothing behind', async () => {
      const rig = await open();
      const workers = await Promise.all([rig.startWorker(), rig.startWorker(), rig.startWorker()]);
      const people = await Promise.all(Array.from({ length: 30 }, rig.person));
      const wanted = new Map<UserId, string[]>(people.map((id) => [id, []]));
      const accepted: string[] = [];
      for (let round = 0; round < 4; round++) {
        const emails = people.map((id) => [id, newEmail()] as const);
        accepted.push(...(await Promise.all(emails.map(([id, email]) => rig.accept(id, email)))));
        for (const [id, email] of emails) wanted.get(id)?.push(email);
      }
      for (const id of accepted) expect(await rig.ended(id)).toMatchObject({ status: 'succeeded', attempts: 1 });
      for (const [id, emails] of wanted) {
        const changes = (await rig.store.readStream(id, 1, 100)).map(({ personal }) => (personal as any).email);
        expect(changes).toEqual(emails);
      }
      expect(workers.flatMap(({ tried }) => tried)).toHaveLength(accepted.length);
      expect(workers.filter(({ tried }) => tried.length > 0).length).toBeGreaterThan(1);
      await rig.empty();
    });

    it('reach a worker by their message alone', async () => {
      const rig = await open();
      rig.withoutSweep();
      await rig.startWorker();
      expect(await rig.ended(await rig.accept(await rig.person()))).toMatchObject({ status: 'succeeded' });
    });

    it('are found without their message, which was lost', async () => {
      const rig = await open();
      await rig.startWorker();
      rig.announce(false);
      expect(await rig.ended(await rig.accept(await rig.person()))).toMatchObject({ status: 'succeeded' });
      expect(rig.sent).toEqual([]);
    });

    it('take effect once, however often their message comes', async () => {
      const rig = await open();
      await Promise.all([rig.startWorker(), rig.startWorker()]);
      const [person, heard] = [await rig.person(), await rig.listen()];
      const taskId = await rig.accept(person);
      await until('the message is there', () => heard.length > 0);
      const [{ subject, text, headers }] = heard as [(typeof heard)[number]];
      const again = () => jetstream(rig.client).publish(subject, text, { headers });
      await Promise.all([again(), again()]);
      await rig.ended(taskId);
      await again();
      await rig.empty();
      expect(await rig.tasks.find(taskId)).toMatchObject({ status: 'succeeded', attempts: 1 });
      expect(await rig.types(person)).toEqual(['UserCreated', 'UserEmailChanged']);
    });

    it('are neither run nor held up by what a stranger sends, which is removed, counted and told once', async () => {
      const rig = await open();
      rig.withoutSweep();
      const worker = await rig.startWorker();
      const [person, heard] = [await rig.person(), await rig.listen()];
      await rig.ended(await rig.accept(person));
      const [call] = heard as [(typeof heard)[number]];
      rig.announce(false);
      const waiting = await rig.accept(person);

      const code = call.headers.get('Lumin-Code');
      const { subject } = call;
      const text = JSON.stringify({ task_id: waiting, user_id: person });
      const forged: [text: string, code?: string, subject?: string][] = [
        ...['', '{', 'null', '[]', '{"user_id":5}', `{"user_id":"'; drop table tasks"}`, '\u0000'].map((one): [string] => [one]),
        ...['', 'x', code.slice(1), `${code} `, 'A'.repeat(43)].map((one): [string, string] => [text, one]),
        [text],
        [text, code],
        [`${call.text} `, code],
        [call.text, code, `${rig.unique}.tasks.run.create`],
        [call.text, code, `${subject}.and.more`],
        [text, authenticationCode(() => 'another', 'tasks in NATS').of(subject, text)],
        [text, authenticationCode(() => rig.unique, 'events in NATS').of(subject, text)],
        ['x'.repeat(500_000), code],
      ];
      for (const [text, code, at = subject] of forged) {
        const sent = headers();
        if (code !== undefined) sent.set('Lumin-Code', code);
        await jetstream(rig.client).publish(at, text, { headers: sent });
      }
      for (const head of badHeads) await publishRaw(natsUrl as string, subject, head, text);
      await rig.empty();
      expect(worker.tried).toHaveLength(1);
      expect(worker.queue.foreign()).toBe(forged.length + badHeads.length);
      expect(rig.warnings).toEqual([expect.stringContaining('do not carry the code of this deployment')]);

      rig.announce(true);
      expect(await rig.ended(await rig.accept(await rig.person()))).toMatchObject({ status: 'succeeded' });
      // A copy of a call is a call: it leads to what the table has.
      await jetstream(rig.client).publish(subject, call.text, { headers: call.headers });
      expect(await rig.ended(waiting)).toMatchObject({ status: 'succeeded', attempts: 1 });
    });

    it('that fail again and again are given up, with a dead letter that holds nothing personal, and hold up nobody else', async () => {
      const rig = await open();
      const [poisoned, other] = [await rig.person(), await rig.person()];
      const execute = rig.service.execute;
      rig.service.execute = async (request) => {
        if (request.completes === poison) throw new Error('a bug');
        return execute(request);
      };
      const heard = await rig.listen();
      const email = newEmail();
      const poison = await rig.accept(poisoned, email);
      // Two more tries.
      await rig.database.query('update tasks set attempts = 10 where task_id = $1', [poison]);
      const behind = await rig.accept(poisoned);
      await rig.startWorker();
      await until('it was tried', async () => (await rig.tasks.find(poison))?.attempts === 11);
      const waits = `select extract(epoch from not_before - now())::float8 as wait from tasks where task_id = $1 and status = 'queued'`;
      const [row] = await until('it waits for its next try', async () => {
        const rows = await rig.database.query<{ wait: number }>(waits, [poison]);
        return rows.length > 0 && rows;
      });
      expect(row?.wait).toBeGreaterThan(30);
      expect(await rig.ended(await rig.accept(other))).toMatchObject({ status: 'succeeded' });
      expect(await rig.tasks.find(behind)).toMatchObject({ status: 'queued', attempts: 0 });

      await rig.database.query('update tasks set not_before = now() where task_id = $1', [poison]);
      expect(await rig.ended(poison)).toMatchObject({ status: 'failed', attempts: 12, error: { code: 'internal-error' } });
      expect(await rig.ended(behind)).toMatchObject({ status: 'succeeded' });
      const subject = `${rig.unique}.tasks.dead.change_email`;
      const letter = await until('the dead letter is kept', () => rig.streams.getMessage(rig.unique, { last_by_subj: subject }));
      expect(letter.json()).toEqual({
        ...{ task_id: poison, user_id: poisoned, command: 'change_email', attempts: 12, code: 'internal-error' },
      });
      expect(JSON.stringify(heard)).not.toContain(email);
      expect(heard.map(({ subject }) => subject)).toContain(subject);
    });

    it('that take their worker with them are given up too', async () => {
      const rig = await open();
      const taskId = await rig.accept(await rig.person());
      await rig.database.query(`update tasks set attempts = 12, status = 'running', lease_owner = 'died' where task_id = $1`, [taskId]);
      const executed: string[] = [];
      rig.service.execute = async ({ completes }) => {
        executed.push(completes ?? '');
        return { replayed: false, view_count: 0 };
      };
      await rig.startWorker();
      expect(await rig.ended(taskId)).toMatchObject({ status: 'failed', error: { code: 'internal-error' } });
      expect(executed).toEqual([]);
    });

    it('that a worker holds when it is stopped are finished, and those behind them are run by another one at once', async () => {
      const rig = await open();
      rig.withoutSweep();
      const gate = Promise.withResolvers<void>();
      const person = await rig.person();
      const stopped = await rig.startWorker({
        run: async (task, execute) => {
          await gate.promise;
          await execute(task);
        },
      });
      const begun = await rig.accept(person);
      await until('it is begun', () => stopped.tried.length === 1);
      const waiting = await Promise.all([rig.accept(person), rig.accept(person)]);
      const other = await rig.startWorker();
      const stopping = stopped.stop();
      gate.resolve();
      await stopping;
      expect(await rig.tasks.find(begun)).toMatchObject({ status: 'succeeded' });
      for (const id of waiting) expect(await rig.ended(id)).toMatchObject({ status: 'succeeded', attempts: 1 });
      expect(stopped.tried.map(({ task_id }) => task_id)).toEqual([begun]);
      expect(other.tried.map(({ task_id }) => task_id)).toEqual(waiting);
      await rig.empty();
    });

    it('that a frozen worker holds are run by another one, and not again when it wakes', async () => {
      const rig = await open();
      const gate = Promise.withResolvers<void>();
      const person = await rig.person();
      const frozen = await rig.startWorker({
        run: async (task, execute) => {
          await gate.promise;
          await execute(task);
        },
      });
      const [first, second] = [await rig.accept(person), await rig.accept(person)];
      await until('it is begun', () => frozen.tried.length === 1);
      await rig.database.query('update tasks set not_before = now() where task_id = $1', [first]);
      const other = await rig.startWorker();
      for (const id of [first, second]) expect(await rig.ended(id)).toMatchObject({ status: 'succeeded' });
      gate.resolve();
      await frozen.stop();
      expect(other.tried.map(({ task_id, attempts }) => [task_id, attempts])).toEqual([
        [first, 2],
        [second, 1],
      ]);
      expect(await rig.types(person)).toEqual(['UserCreated', 'UserEmailChanged', 'UserEmailChanged']);
    });
  });

  describe('of two deployments that share a stream', () => {
    let rig: TaskRig;
    beforeAll(async () => {
      rig = await open();
    });

    it('do not meet', async () => {
      const seen: Record<string, string[]> = { one: [], two: [] };
      const queues = ['one', 'two'].map((name) => {
        const queue = rig.openQueue(`${rig.unique}-${name}`);
        queue.consume(async (userId) => Boolean(seen[name]?.push(userId)));
        return queue;
      });
      for (const queue of queues) await until('calls arrive', queue.consuming);
      const people = queues.map(() => Array.from({ length: 20 }, newId));
      for (const [index, queue] of queues.entries()) {
        for (const id of people[index] ?? []) queue.offer(anyTask(id));
      }
      await until('all have arrived', () => Object.values(seen).every((ids) => ids.length === 20));
      await rig.empty();
      expect(seen.one?.toSorted()).toEqual(people[0]?.toSorted());
      expect(seen.two?.toSorted()).toEqual(people[1]?.toSorted());
    });
  });

  it('do not repeat their refusals in what they leave behind', async () => {
    const rig = await open();
    const [heard, taken] = [await rig.listen(), newEmail()];
    const [person, thief] = [await rig.person(), await rig.person()];
    const refused = await rig.accept(person, taken);
    await rig.execute(changeEmail(thief, taken));
    await rig.startWorker();
    expect(await rig.ended(refused)).toMatchObject({ status: 'failed', error: { code: 'email-taken' }, attempts: 1 });
    await rig.empty();
    expect(heard.map(({ subject }) => subject)).toEqual([`${rig.unique}.tasks.run.change_email`]);
    expect(JSON.stringify(heard)).not.toContain(taken.split('@')[0]);
  });
});
