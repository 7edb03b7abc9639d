import { setTimeout as sleep } from 'node:timers/promises';
import type { Task, TaskRepository } from '../../application/tasks/task.ts';
import type { AuthenticationCode } from '../authentication-code.ts';
import { batchLoader } from '../concurrency/batch-loader.ts';
import { type Redis, textsAt, written } from '../connections/redis.ts';

/** An ended task never changes again; most are asked for soon or not at all. */
const LIVES_SECONDS = 3_600;
/** How far the clocks of two processes may be apart. */
const APART_MS = 60_000;
const WRITE_MS = 250;
/** What has ended meanwhile is written together. */
const GATHER_MS = 20;

type Options = {
  tasks: Pick<TaskRepository, 'find'>;
  redis: Redis;
  /** Tells apart the databases that share a Redis. */
  deployment: () => string;
  code: AuthenticationCode;
  now: () => Date;
  /** A value was found that this service did not write there, or not in the last hour. */
  onRejected: () => void;
};

type TaskResults = Pick<TaskRepository, 'find'> & {
  /** Told of a task that has ended here; puts it, a little later, where every process finds it. */
  ended: (taskId: string) => void;
};

/**
 * Ended tasks in Redis, over the table: many polls of one result cost the database one. Nothing in them is personal. They are
 * sealed together with the time, so that a copy which somebody puts back after their hour is not believed either.
 */
export const taskResults = ({ tasks, redis, deployment, code, now, onRejected }: Options): TaskResults => {
  const keyOf = (taskId: string): string => `lumin:${deployment()}:result:${taskId}`;
  let gathering: string[] = [];

  const sealed = (task: Task): string => code.seal(keyOf(task.task_id), `${now().getTime()} ${JSON.stringify(task)}`);

  const opened = (text: string, taskId: string): Task | null => {
    const [, at, json] = /^(\d+) (.*)$/s.exec(code.open(keyOf(taskId), text) ?? '') ?? [];
    const age = now().getTime() - Number(at);
    if (json === undefined || age < -APART_MS || age > LIVES_SECONDS * 1_000 + APART_MS) return null;
    const { created_at, started_at, finished_at, ...task } = JSON.parse(json);
    return {
      ...task,
      created_at: new Date(created_at),
      started_at: started_at === null ? null : new Date(started_at),
      finished_at: new Date(finished_at),
    };
  };

  const read = batchLoader<string, Task>(async (taskIds) => {
    const texts = (await redis.call((client) => textsAt(client, taskIds.map(keyOf)))) ?? [];
    return new Map(
      taskIds.flatMap((taskId, index) => {
        const text = texts[index] ?? null;
        const task = text === null ? null : opened(text, taskId);
        if (text !== null && task === null) onRejected();
        return task ? [[taskId, task]] : [];
      }),
    );
  });

  const write = async (found: readonly (Task | null)[]): Promise<void> => {
    const results = found.filter((task) => task !== null && task.finished_at !== null) as Task[];
    if (results.length === 0) return;
    await redis.call((client) => {
      const pipeline = client.pipeline();
      for (const task of results) pipeline.set(keyOf(task.task_id), sealed(task), 'EX', LIVES_SECONDS);
      return written(pipeline);
    }, WRITE_MS);
  };

  const writeGathered = async (): Promise<void> => {
    await sleep(GATHER_MS);
    const taskIds = gathering;
    gathering = [];
    // One that cannot be read now is written when it is asked for.
    await write(await Promise.all(taskIds.map((taskId) => tasks.find(taskId).catch(() => null))));
  };

  return {
    async find(taskId) {
      const known = await read(taskId);
      if (known) return known;
      const task = await tasks.find(taskId);
      void write([task]);
      return task;
    },

    ended: (taskId) => {
      if (!redis.available()) return;
      if (gathering.push(taskId) === 1) void writeGathered();
    },
  };
};
