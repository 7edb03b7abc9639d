import type { Task, TaskRepository } from '../../domain/repositories/task-repository.ts';
import type { Redis } from '../cache/redis.ts';
import { coalesce } from '../persistence/coalesce.ts';

/** An ended task never changes again; most are asked for soon or not at all. */
const LIVES_SECONDS = 3_600;
const WRITE_MS = 250;

type Options = {
  tasks: Pick<TaskRepository, 'find'>;
  redis: Redis;
  /** Tells apart the databases that share a Redis. */
  deployment: () => string;
};

/** Ended tasks in Redis, over the table: many polls of one result cost the database one. Nothing in them is personal. */
export const taskResults = ({ tasks, redis, deployment }: Options): Pick<TaskRepository, 'find'> => {
  const keyOf = (taskId: string): string => `lumin:${deployment()}:task:${taskId}`;

  const cached = coalesce<string, Task>(async (taskIds) => {
    const texts = (await redis.call((client) => client.mget(taskIds.map(keyOf)))) ?? [];
    return new Map(
      taskIds.flatMap((taskId, index) => {
        const task = endedTaskIn(texts[index] ?? null, taskId);
        return task ? [[taskId, task]] : [];
      }),
    );
  });

  return {
    async find(taskId) {
      const known = await cached(taskId);
      if (known) return known;
      const task = await tasks.find(taskId);
      if (task?.finished_at) {
        void redis.call((client) => client.set(keyOf(taskId), JSON.stringify(task), 'EX', LIVES_SECONDS), WRITE_MS);
      }
      return task;
    },
  };
};

const ENDED = new Set(['succeeded', 'failed', 'cancelled']);
const orNull = (text: string | null): Date | null => (text === null ? null : new Date(text));

/** null where it is not what this service writes for this task: whoever has access to Redis can write anything. */
const endedTaskIn = (text: string | null, taskId: string): Task | null => {
  if (text === null) return null;
  try {
    const task = JSON.parse(text);
    const times = { created_at: new Date(task.created_at), started_at: orNull(task.started_at), finished_at: orNull(task.finished_at) };
    const valid =
      task.task_id === taskId &&
      ENDED.has(task.status) &&
      typeof task.user_id === 'string' &&
      typeof task.command === 'string' &&
      Number.isSafeInteger(task.attempts) &&
      (task.result_version === null || Number.isSafeInteger(task.result_version)) &&
      (task.error === null || typeof task.error.code === 'string') &&
      Object.values(times).every((time) => time === null || Number.isFinite(time.getTime()));
    return valid ? { ...task, ...times } : null;
  } catch {
    return null;
  }
};
