import { Problem } from '../../domain/problem.ts';
import type { ClaimedTask, StoredProblem, TaskRepository } from '../../domain/repositories/task-repository.ts';
import { isCommandName } from '../commands/index.ts';
import type { UserService } from '../services/user-service.ts';
import { commandIdOf } from './task-id.ts';

const MAX_ATTEMPTS = 12;
const MAX_DELAY_SECONDS = 60;

/** Full jitter over an exponential bound, in seconds (AWS Architecture Blog, "Exponential Backoff And Jitter"). */
const delay = (attempts: number, random: number): number => Math.min(MAX_DELAY_SECONDS, 0.2 * 2 ** attempts) * random;

/**
 * Runs a task that holds a command on a user. Success is recorded by the append itself; a refusal ends the task with its
 * problem; a store that is away, or anything unforeseen, means another try.
 */
export const runUserCommand =
  (users: UserService, tasks: TaskRepository, random: () => number) =>
  async (task: ClaimedTask): Promise<void> => {
    try {
      // A newer release may have accepted it; a worker of that release takes the next try.
      if (!isCommandName(task.command)) throw new Error(`this release does not know the command ${task.command}`);
      await users.execute({
        command: task.command,
        user_id: task.user_id,
        input: task.input,
        if_match: task.if_match,
        actor: task.actor,
        correlation_id: task.correlation_id,
        command_id: commandIdOf(task.task_id),
        completes: task.task_id,
      });
    } catch (error) {
      const final = error instanceof Problem && error.kind !== 'unavailable';
      if (final) return tasks.fail(task.task_id, storedProblem(error));
      if (task.attempts >= MAX_ATTEMPTS)
        return tasks.fail(task.task_id, storedProblem(error instanceof Problem ? error : new Problem('internal-error')));
      await tasks.retry(task.task_id, delay(task.attempts, random()));
      throw error;
    }
  };

const storedProblem = ({ code, facts }: Problem): StoredProblem => ({ code, ...facts });
