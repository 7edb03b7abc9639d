import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { ClaimedTask } from '../../src/application/tasks/task.ts';
import { commandIdOf, isTaskId, taskId } from '../../src/application/tasks/task-id.ts';
import { runUserCommand } from '../../src/application/tasks/user-command.ts';
import { Problem } from '../../src/domain/problem.ts';
import { UserId } from '../../src/domain/value-objects/user-id.ts';
import { retrySeconds } from '../../src/infrastructure/tasks/task-runner.ts';

const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });

describe('a task id', () => {
  it('is task_ and 26 base-32 digits, whatever the random bits are', () => {
    fc.assert(fc.property(bytes, (random) => isTaskId(taskId(random))));
    expect(taskId(new Uint8Array(16))).toBe(`task_${'0'.repeat(26)}`);
    expect(taskId(new Uint8Array(16).fill(255))).toBe(`task_7${'v'.repeat(25)}`);
  });

  it('names its command by a UUID with the same bits', () => {
    fc.assert(
      fc.property(bytes, (random) => {
        const id = commandIdOf(taskId(random));
        expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        expect(id.replaceAll('-', '')).toBe(Buffer.from(random).toString('hex'));
      }),
    );
  });

  it.each([
    '',
    'task_',
    'task_abc123',
    `task_8${'0'.repeat(25)}`,
    `task_${'w'.repeat(26)}`,
    `TASK_${'0'.repeat(26)}`,
    `task_${'0'.repeat(27)}`,
  ])('is not %j', (text) => expect(isTaskId(text)).toBe(false));
});

describe('running a task', () => {
  const task = {
    task_id: taskId(new Uint8Array(16).fill(1)),
    command: 'change_bio',
    user_id: UserId('550e8400-e29b-41d4-a716-446655440000'),
    input: { new_bio: 'Hi' },
    if_match: [3],
    attempts: 1,
    actor: 'a',
    correlation_id: 'c',
  } as unknown as ClaimedTask;

  const setUp = (execute: () => Promise<unknown>) => {
    const tasks = { fail: vi.fn(async () => true), retry: vi.fn(async () => {}) };
    const users = { execute: vi.fn(execute) };
    return { tasks, users, run: runUserCommand(users as never, tasks as never, (attempts) => retrySeconds(attempts, 0.5)) };
  };
  const refusing = (error: unknown) =>
    setUp(async () => {
      throw error;
    });

  it('executes the command under the id of the task, and leaves the success to the append', async () => {
    const { run, users, tasks } = setUp(async () => ({}));
    await run(task);
    expect(users.execute).toHaveBeenCalledWith({
      command: 'change_bio',
      user_id: task.user_id,
      input: task.input,
      if_match: [3],
      actor: 'a',
      correlation_id: 'c',
      command_id: commandIdOf(task.task_id),
      completes: task.task_id,
    });
    expect(tasks.fail).not.toHaveBeenCalled();
  });

  it('ends with the problem that refused it', async () => {
    const { run, tasks } = refusing(new Problem('version-conflict', { version: 5 }));
    await run(task);
    expect(tasks.fail).toHaveBeenCalledWith(task, { code: 'version-conflict', version: 5 });
  });

  it.each([new Problem('store-unavailable'), new Problem('outcome-unknown'), new Problem('overloaded'), new TypeError('a bug')])(
    'is tried again after %s',
    async (error) => {
      const { run, tasks } = refusing(error);
      await expect(run(task)).rejects.toBe(error);
      expect(tasks.retry).toHaveBeenCalledWith(task, 0.2);
      expect(tasks.fail).not.toHaveBeenCalled();
    },
  );

  it('waits longer from try to try, a minute at most', async () => {
    const { run, tasks } = refusing(new Problem('overloaded'));
    for (const attempts of [1, 2, 3, 11]) await run({ ...task, attempts }).catch(() => {});
    expect(tasks.retry.mock.calls.map((call: unknown[]) => call[1])).toEqual([0.2, 0.4, 0.8, 30]);
  });

  it.each([
    [new Problem('overloaded'), 'overloaded'],
    [new TypeError('a bug'), 'internal-error'],
  ])('fails after the twelfth try: %s', async (error, code) => {
    const { run, tasks } = refusing(error);
    const last = { ...task, attempts: 12 };
    await run(last);
    expect(tasks.fail).toHaveBeenCalledWith(last, { code });
  });

  it('leaves a command that it does not know to a worker of a newer release', async () => {
    const { run, tasks, users } = setUp(async () => ({}));
    await expect(run({ ...task, command: 'promote' })).rejects.toThrow('promote');
    expect(tasks.retry).toHaveBeenCalledOnce();
    expect(users.execute).not.toHaveBeenCalled();
    const last = { ...task, command: 'promote', attempts: 12 };
    await run(last);
    expect(tasks.fail).toHaveBeenCalledWith(last, { code: 'internal-error' });
  });
});
