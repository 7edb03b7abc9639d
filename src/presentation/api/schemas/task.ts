import { Type } from 'typebox';
import { closed, orNull } from '../../../application/commands/fields.ts';
import { type StoredProblem, type Task, type TaskStatus, taskStatuses } from '../../../application/tasks/task.ts';
import { Problem, type ProblemCode } from '../../../domain/problem.ts';
import { problemDocument } from '../http/problems.ts';
import { problemSchema } from './problem.ts';

export const TASK_ID = '^task_[0-9a-v]{26}$';

const count = Type.Integer({ minimum: 0, format: 'int32' });

export const taskSchema = Type.Object(
  {
    task_id: Type.String({ pattern: TASK_ID, examples: ['task_1k7m0q2v9c4t8e5r3b6n0p1s2d'] }),
    command: Type.String({ examples: ['change_email'] }),
    user_id: Type.String({ format: 'uuid' }),
    status: Type.Unsafe<TaskStatus>({ type: 'string', enum: taskStatuses, title: 'TaskStatus' }),
    progress: orNull(
      closed({ done: count, total: count, failed: count }, { title: 'TaskProgress', description: 'Of tasks of many steps.' }),
    ),
    attempts: count,
    created_at: Type.String({ format: 'date-time' }),
    started_at: orNull(Type.String({ format: 'date-time', description: 'When it was first tried.' })),
    finished_at: orNull(Type.String({ format: 'date-time', description: 'When it ended.' })),
    result: orNull(
      closed(
        {
          version: Type.Integer({
            format: 'int64',
            description: 'Version of the user that the task led to; of a recorded profile view, the count of views.',
          }),
        },
        { title: 'TaskResult', description: 'What a task that succeeded led to.' },
      ),
    ),
    error: orNull(problemSchema),
  },
  {
    title: 'Task',
    description: 'An asynchronous operation. `error` is the problem that stopped it. Kept for 7 days after it ended.',
    additionalProperties: false,
  },
);

export const problemOfTask = ({ code, ...facts }: StoredProblem): Problem => new Problem(code as ProblemCode, facts);

export const taskView = (task: Task) => ({
  task_id: task.task_id,
  command: task.command,
  user_id: task.user_id,
  status: task.status,
  progress: null,
  attempts: task.attempts,
  created_at: task.created_at,
  started_at: task.started_at,
  finished_at: task.finished_at,
  result: task.result_version === null ? null : { version: task.result_version },
  error: task.error && problemDocument(problemOfTask(task.error)),
});
