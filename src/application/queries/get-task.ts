import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../../domain/problem.ts';
import type { Task, TaskRepository } from '../tasks/task.ts';
import { isTaskId } from '../tasks/task-id.ts';

/** @throws Problem task-not-found */
export const getTask =
  (tasks: Pick<TaskRepository, 'find'>) =>
  async (taskId: string): Promise<Task> => {
    const task = isTaskId(taskId) ? await tasks.find(taskId) : null;
    if (task === null) throw new Problem('task-not-found');
    return task;
  };

const MAX_PAUSE_MS = 200;

/**
 * The task once it has ended, or as it was last seen when `ms` are over, however long a look takes. A store that is away for a
 * while ends no wait. @throws Problem task-not-found, or what kept the task from being seen at all
 */
export const awaitTask = (tasks: Pick<TaskRepository, 'find'>) => {
  const find = getTask(tasks);
  return async (taskId: string, ms: number): Promise<Task> => {
    let timeLeft = true;
    const over = sleep(ms, null, { ref: false }).finally(() => {
      timeLeft = false;
    });
    let seen: Task | null = null;
    let failure = new Problem('store-unavailable');
    for (let pause = 5; timeLeft; pause = Math.min(MAX_PAUSE_MS, pause * 2)) {
      try {
        seen = (await Promise.race([find(taskId), over])) ?? seen;
      } catch (error) {
        if (!(error instanceof Problem && error.kind === 'unavailable')) throw error;
        failure = error;
      }
      if (seen?.finished_at) return seen;
      await Promise.race([sleep(pause), over]);
    }
    if (seen === null) throw failure;
    return seen;
  };
};
