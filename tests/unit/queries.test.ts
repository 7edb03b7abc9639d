import { describe, expect, it } from 'vitest';
import { getById } from '../../src/application/queries/get-by-id.ts';
import { getHistory } from '../../src/application/queries/get-history.ts';
import { awaitTask, getTask } from '../../src/application/queries/get-task.ts';
import type { Task } from '../../src/application/tasks/task.ts';
import type { StoredUser } from '../../src/domain/repositories/user-repository.ts';
import { UserId } from '../../src/domain/value-objects/user-id.ts';
import { created, deleted, NOW, userAfter } from '../fixtures/given.ts';

const user_id = UserId('550e8400-e29b-41d4-a716-446655440000');
const stored = { user_id, version: 5, user: userAfter(created) } as StoredUser;
const gone = { user_id, version: 5, user: userAfter(created, deleted) } as StoredUser;

/** Five events, of which the versions are all that counts here. */
const usersWith = (found: StoredUser | null) => ({
  find: async () => found,
  history: async (_: UserId, from: number, limit: number, order: 'asc' | 'desc' = 'asc') =>
    (order === 'asc' ? [1, 2, 3, 4, 5].filter((version) => version > from) : [5, 4, 3, 2, 1].filter((version) => version < from))
      .slice(0, limit)
      .map((version) => ({ version })) as never,
});

describe('get_by_id', () => {
  it('answers with the user', async () => expect(await getById(usersWith(stored))(user_id)).toBe(stored));
  it('does not find a user who never was', () =>
    expect(getById(usersWith(null))(user_id)).rejects.toMatchObject({ code: 'user-not-found' }));
  it('says that a user was deleted', () => expect(getById(usersWith(gone))(user_id)).rejects.toMatchObject({ code: 'user-deleted' }));
});

describe('the history', () => {
  const versions = async (from: number | null, limit: number, sort: 'version' | '-version' = 'version') => {
    const { events, next } = await getHistory(usersWith(stored))(user_id, { sort, from, limit });
    return [events.map(({ version }) => version), next];
  };

  it('comes page by page, and says where to go on', async () => {
    expect(await versions(null, 2)).toEqual([[1, 2], 2]);
    expect(await versions(2, 2)).toEqual([[3, 4], 4]);
    expect(await versions(4, 2)).toEqual([[5], null]);
  });

  it('comes newest first where that is asked for', async () => {
    expect(await versions(null, 2, '-version')).toEqual([[5, 4], 4]);
    expect(await versions(4, 2, '-version')).toEqual([[3, 2], 2]);
    expect(await versions(2, 2, '-version')).toEqual([[1], null]);
  });

  it('ends with a full page when there is no more', async () => expect(await versions(3, 2)).toEqual([[4, 5], null]));

  it('is not shown of a deleted user', async () => {
    await expect(getHistory(usersWith(gone))(user_id, { sort: 'version', from: null, limit: 2 })).rejects.toMatchObject({
      code: 'user-deleted',
    });
    await expect(getHistory(usersWith(null))(user_id, { sort: 'version', from: null, limit: 2 })).rejects.toMatchObject({
      code: 'user-not-found',
    });
  });
});

describe('a task', () => {
  const task_id = `task_${'0'.repeat(26)}`;
  const task = (finished_at: Date | null) => ({ task_id, finished_at }) as Task;

  it('is found by its id', async () => expect(await getTask({ find: async () => task(null) })(task_id)).toEqual(task(null)));

  it('is not looked for by what is no task id', async () => {
    let asked = false;
    const find = async () => {
      asked = true;
      return null;
    };
    await expect(getTask({ find })('task_abc123')).rejects.toMatchObject({ code: 'task-not-found' });
    expect(asked).toBe(false);
    await expect(getTask({ find })(task_id)).rejects.toMatchObject({ code: 'task-not-found' });
  });

  it('is awaited until it has ended', async () => {
    let looks = 0;
    const find = async () => task(++looks < 3 ? null : NOW);
    expect(await awaitTask({ find })(task_id, 5_000)).toEqual(task(NOW));
    expect(looks).toBe(3);
  });

  it('is answered as it is when the time is over', async () =>
    expect(await awaitTask({ find: async () => task(null) })(task_id, 20)).toEqual(task(null)));
});
