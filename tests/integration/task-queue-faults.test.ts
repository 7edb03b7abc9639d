import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { findNats, type OwnServer, startNats } from '../fixtures/own-servers.ts';
import { openTaskRig, type TaskRig } from '../fixtures/task-rig.ts';
import { until } from '../fixtures/until.ts';

const available = inject('postgresUrl') !== null && findNats() !== undefined;

describe.skipIf(!available)('a task is run [needs PostgreSQL and an installed nats-server]', () => {
  let nats: OwnServer;
  let rig: TaskRig;
  let workers: ReturnType<TaskRig['beginWorker']>[] = [];
  const accepted: string[] = [];
  beforeAll(async () => {
    nats = (await startNats()) as OwnServer;
    rig = await openTaskRig((await storeKinds().at(-1)?.make()) as Store, nats.url);
  });
  afterAll(async () => {
    await rig?.close();
    await nats?.stop();
  });

  const accept = async (): Promise<string> => {
    const taskId = await rig.accept(await rig.person());
    accepted.push(taskId);
    return taskId;
  };
  const oneMoreEnds = async (): Promise<void> => {
    expect(await rig.ended(await accept())).toMatchObject({ status: 'succeeded' });
  };
  const messagesLeadToTasks = async (): Promise<void> => {
    await until('both workers are called', () => workers.every(({ queue }) => queue.consuming()));
    rig.withoutSweep();
    await until('a message leads to its task', async () => {
      const taskId = await accept();
      const ended = async () => (await rig.tasks.find(taskId))?.finished_at;
      return until('it ends', ended, 500).catch(() => false);
    });
    rig.inject(() => {});
  };
  const emptied = async (): Promise<void> => {
    await nats.kill();
    rmSync(join(nats.folder, 'jetstream'), { recursive: true });
  };

  it('while NATS is away from the start, and by its message when NATS is there', async () => {
    await emptied();
    workers = [rig.beginWorker(), rig.beginWorker()];
    await oneMoreEnds();
    await nats.restart();
    await messagesLeadToTasks();
  });

  it.each<[string, () => unknown, () => unknown]>([
    ['NATS is away', () => nats.kill(), () => nats.restart()],
    ['NATS is away and comes back without its data', () => emptied(), () => nats.restart()],
    ['NATS is frozen', () => nats.freeze(), () => nats.thaw()],
    ['the stream is deleted', () => rig.streams.delete(rig.unique), () => {}],
    ['the consumer is deleted', () => rig.consumers.delete(rig.unique, `${rig.unique}-workers`), () => {}],
    ['the subjects are taken from the stream', () => rig.streams.update(rig.unique, { subjects: ['nobody.>'] }), () => {}],
  ])('while %s, and by its message afterwards', async (_, fault, mend) => {
    await fault();
    await oneMoreEnds();
    await mend();
    await messagesLeadToTasks();
  });

  it('whatever happened: none that was accepted is lost', async () => {
    expect(accepted.length).toBeGreaterThan(0);
    for (const taskId of accepted) expect(await rig.ended(taskId)).toMatchObject({ status: 'succeeded' });
    await rig.empty();
  });

  it('also over a stream that is no work queue, which is said and left as it is', async () => {
    await rig.streams.delete(rig.unique);
    await rig.streams.add({ name: rig.unique, subjects: [`${rig.unique}.tasks.>`] });
    await messagesLeadToTasks();
    expect(rig.warnings.filter((text) => text.includes('no work queue'))).toHaveLength(workers.length);
    expect((await rig.streams.info(rig.unique)).config.retention).toBe('limits');
  });
});
