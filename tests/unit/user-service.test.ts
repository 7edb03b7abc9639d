import { describe, expect, it } from 'vitest';
import { type CommandRequest, userService } from '../../src/application/services/user-service.ts';
import type { Task } from '../../src/application/tasks/task.ts';
import type { Change, Changed } from '../../src/domain/repositories/user-repository.ts';
import { UserId } from '../../src/domain/value-objects/user-id.ts';
import { UnitOfWork } from '../../src/infrastructure/persistence/event-store/unit-of-work.ts';
import { memoryStore } from '../fixtures/event-store-in-memory.ts';
import { blocked, created, john, NEXT_WEEK, NOW, TOMORROW, userAfter } from '../fixtures/given.ts';

const user_id = UserId('550e8400-e29b-41d4-a716-446655440000');
const creation = { username: { first_name: 'John' }, email: john.email };

/** The service on a store in memory, with one user; `changes` are what it asked of the repository. */
const setUp = async () => {
  const memory = memoryStore();
  const work = new UnitOfWork(memory.store);
  const changes: Change[] = [];
  const history: Map<number, unknown> = new Map();
  let woken = 0;
  let time = NOW;
  const service = userService({
    users: {
      update: async (change): Promise<Changed> => {
        changes.push(change);
        const changed = await work.run(change);
        if (changed.outcome === 'done') history.set(changed.stored.version, changed.stored);
        return changed;
      },
      find: async (id) => memory.users.get(id) ?? null,
      findAt: async (_, version) => (history.get(version) as never) ?? null,
      history: async () => [],
    },
    tasks: { find: async (task_id: string) => ({ task_id, command: 'change_bio', user_id, created_at: NOW }) as Task } as never,
    now: () => time,
    newUuid: () => `command ${changes.length}`,
    randomBytes: (count) => new Uint8Array(count),
    wake: () => {
      woken += 1;
    },
  });
  const request = (command: CommandRequest['command'], input: unknown, more: Partial<CommandRequest> = {}): CommandRequest => ({
    command,
    user_id,
    input,
    actor: null,
    correlation_id: null,
    ...more,
  });
  const execute = (command: CommandRequest['command'], input: unknown, more: Partial<CommandRequest> = {}) =>
    service.execute(request(command, input, more));
  const accept = (command: CommandRequest['command'], input: unknown, more: Partial<CommandRequest> = {}) =>
    service.accept(request(command, input, more));
  await execute('create', creation);
  const wait = (until: string) => {
    time = new Date(until);
  };
  return { execute, accept, changes, wait, woken: () => woken };
};
const codeOf = (promise: Promise<unknown>) => promise.then(() => 'done').catch((error: { code?: string }) => error.code);

describe('executing a command', () => {
  it('answers with the user after the change', async () => {
    const { execute } = await setUp();
    expect(await execute('change_bio', { new_bio: 'Hi' })).toMatchObject({ replayed: false, user: { version: 2, user: { bio: 'Hi' } } });
  });

  it('answers a wrong value that only the decision saw with its code', async () => {
    const { execute } = await setUp();
    const refused = await execute('change_bio', { new_bio: '\u0000' }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'validation-failed', facts: { errors: [{ code: 'invalid-characters' }] } });
  });

  it.each([
    ['the current version', [1], 'done'],
    ['one of several', [7, 1], 'done'],
    ['any version', '*', 'done'],
    ['no version', null, 'done'],
    ['another version', [2], 'version-conflict'],
    ['none of none', [], 'version-conflict'],
  ] as const)('with If-Match on %s', async (_, if_match, outcome) => {
    const { execute } = await setUp();
    expect(await codeOf(execute('change_bio', { new_bio: 'Hi' }, { if_match }))).toBe(outcome);
  });

  it('tells the current version when If-Match is stale', async () => {
    const { execute } = await setUp();
    await expect(execute('deactivate', {}, { if_match: [9] })).rejects.toMatchObject({ facts: { version: 1 } });
  });

  it('says that a user is deleted, or was never there, rather than that the version is stale', async () => {
    const { execute } = await setUp();
    await execute('delete', {});
    expect(await codeOf(execute('change_bio', { new_bio: 'Hi' }, { if_match: [1] }))).toBe('user-deleted');
    expect(await codeOf(execute('delete', {}, { if_match: [1] }))).toBe('done');
    const nobody = UserId('00000000-0000-4000-8000-000000000009');
    expect(await codeOf(execute('deactivate', {}, { if_match: '*', user_id: nobody }))).toBe('user-not-found');
  });

  it('writes the end of a block as a task together with the block', async () => {
    const { execute, changes } = await setUp();
    await execute('block', { until: TOMORROW });
    const task = { command: 'end_block', input: { until: TOMORROW }, due_at: TOMORROW, if_match: null };
    expect(changes.at(-1)?.decide(userAfter(created), 1)).toMatchObject({ events: [{ type: 'UserBlocked' }], task });
    expect(changes.at(-1)?.decide(userAfter(created, blocked(null, TOMORROW)), 2)).toEqual({ events: [], task: undefined });
  });

  it('gives the recorded answer to the same request again, as the user was then', async () => {
    const { execute } = await setUp();
    const once = { key: 'k', request_hash: 'h', status: 200 };
    await execute('change_bio', { new_bio: 'one' }, { once });
    await execute('change_bio', { new_bio: 'two' });
    expect(await execute('change_bio', { new_bio: 'one' }, { once })).toMatchObject({
      replayed: true,
      user: { version: 2, user: { bio: 'one' } },
    });
  });

  it('refuses another request under the same key', async () => {
    const { execute } = await setUp();
    await execute('change_bio', { new_bio: 'one' }, { once: { key: 'k', request_hash: 'h', status: 200 } });
    const other = execute('change_bio', { new_bio: 'two' }, { once: { key: 'k', request_hash: 'other', status: 200 } });
    expect(await codeOf(other)).toBe('idempotency-key-reused');
  });

  it('shows nobody who was deleted in a recorded answer, but repeats that of the deletion', async () => {
    const { execute } = await setUp();
    const once = { key: 'k', request_hash: 'h', status: 200 };
    const deletion = { key: 'd', request_hash: 'd', status: 204 };
    await execute('change_bio', { new_bio: 'one' }, { once });
    await execute('delete', {}, { once: deletion });
    expect(await codeOf(execute('change_bio', { new_bio: 'one' }, { once }))).toBe('user-deleted');
    expect(await execute('delete', {}, { once: deletion })).toMatchObject({ replayed: true });
  });
});

describe('a command on a user whose block is over', () => {
  const setUpBlocked = async () => {
    const all = await setUp();
    await all.execute('block', { until: TOMORROW });
    all.wait(TOMORROW);
    return all;
  };

  it('is one change with the end of the block', async () => {
    const { execute } = await setUpBlocked();
    const answer = await execute('change_bio', { new_bio: 'Hi' });
    expect(answer).toMatchObject({ user: { version: 4, user: { status: 'active', blocked: null, bio: 'Hi' } } });
  });

  it('shows the user unblocked, where there is nothing else to do', async () => {
    const { execute } = await setUpBlocked();
    expect(await execute('activate', {})).toMatchObject({ user: { version: 3, user: { status: 'active' } } });
    expect(await execute('unblock', {})).toMatchObject({ user: { version: 3 } });
  });

  it('leaves the block as it is where it is refused', async () => {
    const { execute } = await setUpBlocked();
    expect(await codeOf(execute('change_bio', { new_bio: '' }))).toBe('validation-failed');
    expect(await execute('activate', {})).toMatchObject({ user: { version: 3 } });
  });

  it('is held against the version that is stored', async () => {
    const { execute } = await setUpBlocked();
    expect(await codeOf(execute('activate', {}, { if_match: [3] }))).toBe('version-conflict');
    expect(await codeOf(execute('activate', {}, { if_match: [2] }))).toBe('done');
  });

  it('writes the end of the next block, and none where it does not block', async () => {
    const { execute, changes } = await setUpBlocked();
    const over = userAfter(created, blocked(null, TOMORROW));
    await execute('block', { until: NEXT_WEEK });
    const types = [{ type: 'UserUnblocked' }, { type: 'UserBlocked' }];
    expect(changes.at(-1)?.decide(over, 2)).toMatchObject({ events: types, task: { command: 'end_block', due_at: NEXT_WEEK } });
    await execute('unblock', {});
    expect(changes.at(-1)?.decide(over, 2)).toMatchObject({ events: [{ type: 'UserUnblocked' }], task: undefined });
  });

  it('gives the recorded answer again, as the user was after both', async () => {
    const { execute } = await setUpBlocked();
    const once = { key: 'k', request_hash: 'h', status: 200 };
    await execute('change_bio', { new_bio: 'one' }, { once });
    await execute('change_bio', { new_bio: 'two' });
    expect(await execute('change_bio', { new_bio: 'one' }, { once })).toMatchObject({
      replayed: true,
      user: { version: 4, user: { status: 'active', bio: 'one' } },
    });
  });

  it('is accepted as a task, whose precondition the end of the block meanwhile does not break', async () => {
    const { accept, execute, changes } = await setUpBlocked();
    await accept('change_bio', { new_bio: 'Hi' }, { if_match: [2, 9] });
    const { if_match } = changes.at(-1)?.decide(userAfter(created, blocked(null, TOMORROW)), 2).task ?? {};
    expect(if_match).toEqual([2, 9, 3]);
    await execute('end_block', { until: TOMORROW });
    expect(await execute('change_bio', { new_bio: 'Hi' }, { if_match: if_match ?? null })).toMatchObject({ user: { version: 4 } });
  });
});

describe('accepting a command as a task', () => {
  it('changes nothing yet, answers with the task and wakes a worker', async () => {
    const { execute, accept, woken } = await setUp();
    expect(await accept('change_email', { new_email: 'new@example.com' })).toMatchObject({
      replayed: false,
      task: { task_id: `task_${'0'.repeat(26)}`, command: 'change_email', user_id, status: 'queued', attempts: 0 },
    });
    expect(woken()).toBe(1);
    expect(await execute('activate', {})).toMatchObject({ user: { version: 1, user: { email: john.email } } });
  });

  it('keeps the precondition for later', async () => {
    const { accept, changes } = await setUp();
    await accept('change_bio', { new_bio: 'Hi' }, { if_match: [1] });
    expect(changes.at(-1)).toMatchObject({ dry_run: true });
    expect(changes.at(-1)?.decide(userAfter(created), 1).task).toMatchObject({
      command: 'change_bio',
      input: { new_bio: 'Hi' },
      if_match: [1],
    });
  });

  it('refuses at once what the state or the value refuses now', async () => {
    const { execute, accept } = await setUp();
    expect(await codeOf(accept('change_bio', { new_bio: '' }))).toBe('validation-failed');
    expect(await codeOf(accept('change_email', { new_email: null }))).toBe('contact-required');
    await execute('block', {});
    expect(await codeOf(accept('change_bio', { new_bio: 'Hi' }))).toBe('user-blocked');
    expect(await codeOf(accept('unblock', {}))).toBe('done');
  });

  it('refuses a stale version and a taken address at once', async () => {
    const { execute, accept, woken } = await setUp();
    const other = UserId('00000000-0000-4000-8000-000000000002');
    await execute('create', { username: { first_name: 'Jane' }, email: 'jane@example.com' }, { user_id: other });
    expect(await codeOf(accept('change_email', { new_email: 'JANE@example.com' }))).toBe('email-taken');
    expect(await codeOf(accept('change_email', { new_email: 'x@example.com' }, { if_match: [5] }))).toBe('version-conflict');
    expect(woken()).toBe(0);
  });

  it('answers the same request again with the same task', async () => {
    const { accept } = await setUp();
    const once = { key: 'k', request_hash: 'h', status: 202 };
    const first = await accept('change_bio', { new_bio: 'Hi' }, { once });
    expect(await accept('change_bio', { new_bio: 'Hi' }, { once })).toEqual({ ...first, replayed: true });
  });
});
