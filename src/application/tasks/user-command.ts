import { OwnError } from '../../domain/own-error.ts';
import { Problem } from '../../domain/problem.ts';
import { isCommandName } from '../commands/index.ts';
import type { UserService } from '../services/user-service.ts';
import type { ClaimedTask, StoredProblem, TaskRepository } from './task.ts';
import { commandIdOf } from './task-id.ts';

const MAX_ATTEMPTS = 12;

/** Told of a task that failed for something unforeseen. `error` is the last try's; it may hold what is personal. */
type OnDead = (task: ClaimedTask, problem: StoredProblem, error: unknown) => void;

/**
 * Runs a task that holds a command on a user. Success is recorded by the append itself; a refusal ends the task with its
 * problem; a store that is away, or anything unforeseen, means another try after `delay`, which is in seconds.
 * @returns `succeeded`, or the code of the problem
 * @throws what calls for another try
 */
export const runUserCommand =
  (users: UserService, tasks: Pick<TaskRepository, 'fail' | 'retry'>, delay: (attempts: number) => number, onDead: OnDead = () => {}) =>
  async (task: ClaimedTask): Promise<string> => {
    try {
      // A task that takes its worker with it must not go on doing so.
      if (task.attempts > MAX_ATTEMPTS) throw new OwnError('no worker lived to see the end of the last try');
      // A newer release may have accepted it; a worker of that release takes the next try.
      if (!isCommandName(task.command)) throw new OwnError(`this release does not know the command ${task.command}`);
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
      return 'succeeded';
    } catch (error) {
      const refused = error instanceof Problem && error.kind !== 'unavailable';
      if (!refused && task.attempts < MAX_ATTEMPTS) {
        await tasks.retry(task, delay(task.attempts));
        throw error;
      }
      const problem = storedProblem(error instanceof Problem ? error : new Problem('internal-error'));
      if ((await tasks.fail(task, problem)) && !refused) onDead(task, problem, error);
      return problem.code;
    }
  };

const storedProblem = ({ code, facts }: Problem): StoredProblem => ({ code, ...facts });
