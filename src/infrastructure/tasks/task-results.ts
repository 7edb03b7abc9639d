import { setTimeout as sleep } from 'node:timers/promises';
import { endedStatuses, type StoredProblem, type Task, type TaskRepository } from '../../application/tasks/task.ts';
import { catalogue } from '../../domain/problem.ts';
import { UserId } from '../../domain/value-objects/user-id.ts';
import { batchLoader } from '../concurrency/batch-loader.ts';
import type { Redis } from '../connections/redis.ts';

/** An ended task never changes again; most are asked for soon or not at all. */
const LIVES_SECONDS = 3_600;
const WRITE_MS = 250;
/** What has ended meanwhile is written together. */
const GATHER_MS = 20;

type Options = {
  tasks: Pick<TaskRepository, 'find'>;
  redis: Redis;
  /** Tells apart the databases that share a Redis. */
  deployment: () => string;
};

type TaskResults = Pick<TaskRepository, 'find'> & {
  /** Told of a task that has ended here; puts it, a little later, where every process finds it. */
  ended: (taskId: string) => void;
};

/** Ended tasks in Redis, over the table: many polls of one result cost the database one. Nothing in them is personal. */
export const taskResults = ({ tasks, redis, deployment }: Options): TaskResults => {
  const keyOf = (taskId: string): string => `lumin:${deployment()}:task:${taskId}`;
  let gathering: string[] = [];

  const read = batchLoader<string, Task>(async (taskIds) => {
    const texts = (await redis.call((client) => client.mget(taskIds.map(keyOf)))) ?? [];
    return new Map(
      taskIds.flatMap((taskId, index) => {
        const task = endedTaskIn(texts[index] ?? null, taskId);
        return task ? [[taskId, task]] : [];
      }),
    );
  });

  const write = async (found: readonly (Task | null)[]): Promise<void> => {
    const results = found.filter((task) => task !== null && task.finished_at !== null) as Task[];
    if (results.length === 0) return;
    await redis.call((client) => {
      const pipeline = client.pipeline();
      for (const task of results) pipeline.set(keyOf(task.task_id), JSON.stringify(task), 'EX', LIVES_SECONDS);
      return pipeline.exec();
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

/** null where it is not what this service writes for this task: whoever has access to Redis can write anything. */
const endedTaskIn = (text: string | null, taskId: string): Task | null => {
  if (text === null) return null;
  try {
    const { task_id, command, user_id, status, attempts, result_version, error, ...times } = JSON.parse(text);
    const task: Task = {
      ...{ task_id, command, status, attempts, result_version },
      user_id: UserId(user_id),
      created_at: timeIn(times.created_at),
      started_at: times.started_at === null ? null : timeIn(times.started_at),
      finished_at: timeIn(times.finished_at),
      error: error === null ? null : problemIn(error),
    };
    const valid =
      task_id === taskId &&
      endedStatuses.includes(status) &&
      typeof command === 'string' &&
      Number.isSafeInteger(attempts) &&
      (result_version === null || Number.isSafeInteger(result_version));
    return valid ? task : null;
  } catch {
    return null;
  }
};

/** @throws where it is no time */
const timeIn = (text: unknown): Date => {
  if (typeof text !== 'string' || !Number.isFinite(Date.parse(text))) throw new TypeError('not a time');
  return new Date(text);
};

/** @throws where it is no problem of this service */
const problemIn = ({ code, detail, errors, version }: StoredProblem): StoredProblem => {
  const texts = [code, detail ?? '', ...(errors ?? []).flatMap((one) => [one.pointer, one.code, one.detail])];
  if (!Object.hasOwn(catalogue, code) || !texts.every((text) => typeof text === 'string')) throw new TypeError('not a problem');
  if (version !== undefined && !Number.isSafeInteger(version)) throw new TypeError('not a version');
  return { code, ...(detail !== undefined && { detail }), ...(errors && { errors }), ...(version !== undefined && { version }) };
};
