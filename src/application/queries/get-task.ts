import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../../domain/problem.ts';
import type { Task, TaskRepository } from '../../domain/repositories/task-repository.ts';
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

/** The task once it has ended, or as it is when `ms` are over. @throws Problem task-not-found */
export const awaitTask = (tasks: Pick<TaskRepository, 'find'>) => {
  const find = getTask(tasks);
  return async (taskId: string, ms: number): Promise<Task> => {
    const until = performance.now() + ms;
    for (let pause = 5; ; pause = Math.min(MAX_PAUSE_MS, pause * 2)) {
      const task = await find(taskId);
      if (task.finished_at !== null || performance.now() >= until) return task;
      await sleep(Math.min(pause, until - performance.now()));
    }
  };
};
