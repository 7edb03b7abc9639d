import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ClaimedTask, ClaimFilter } from '../../src/application/tasks/task.ts';
import type { UserId } from '../../src/domain/value-objects/user-id.ts';
import type { TaskQueue } from '../../src/infrastructure/tasks/task-queue.ts';
import { taskRunner } from '../../src/infrastructure/tasks/task-runner.ts';
import { newId } from '../fixtures/people.ts';
import { untold } from '../fixtures/told.ts';
import { until } from '../fixtures/until.ts';

type Claim = (users: readonly UserId[]) => ClaimedTask[];
type Options = { claim: Claim; sweep?: () => ClaimedTask[]; run?: (task: ClaimedTask) => Promise<void> };

// Sleeps follow the fake clock too.
vi.mock('node:timers/promises', () => ({
  setImmediate: () => new Promise<void>(setImmediate),
  setTimeout: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
}));

/** A runner whose store is `claim` for users that were called for, and `sweep` for the others. */
const startRunner = ({ claim, sweep = () => [], run = async () => {} }: Options) => {
  let call: (userId: UserId) => Promise<boolean> = async () => false;
  const released: string[] = [];
  const filters: ClaimFilter[] = [];
  const queue = { consume: (work) => (call = work), consuming: () => true, stop: async () => {} } as Partial<TaskQueue> as TaskQueue;
  const runner = taskRunner({
    tasks: {
      claim: async (_owner: string, _limit: number, _lease: number, filter: ClaimFilter = {}) => {
        filters.push(filter);
        return filter.users ? claim(filter.users) : sweep();
      },
      release: async (_: string, ids: readonly string[]) => void released.push(...ids),
      prune: async () => false,
    } as never,
    ...{ run, queue, owner: 'me', away: untold },
  });
  runner.start();
  onTestFinished(() => runner.stop());
  return { runner, released, filters, call: (userId: UserId) => call(userId) };
};

const taskOf = (user_id: UserId, task_id = `task of ${user_id}`): ClaimedTask => ({ user_id, task_id }) as ClaimedTask;

describe('a worker', () => {
  it('claims for all who are called for at the same time in one statement', async () => {
    const left = new Set(Array.from({ length: 50 }, newId));
    const users = [...left];
    const claim: Claim = (wanted) => wanted.filter((id) => left.delete(id)).map((id) => taskOf(id));
    const { call, filters } = startRunner({ claim });
    expect(await Promise.all(users.map(call))).toEqual(users.map(() => true));
    expect(left.size).toBe(0);
    expect(filters.filter(({ users }) => users).length).toBeLessThan(5);
  });

  it('asks a store that is away at its ease, however many call', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    let asked = 0;
    const { call } = startRunner({
      claim: () => {
        asked++;
        throw new Error('away');
      },
    });
    const callAll = () => Promise.all(Array.from({ length: 20 }, newId).map(call));
    const calls = [callAll()];
    for (const times of [1, 2, 3]) {
      await vi.advanceTimersByTimeAsync(400);
      calls.push(callAll());
      expect(asked).toBe(times);
      await vi.advanceTimersByTimeAsync(100);
    }
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await Promise.all(calls)).flat()).not.toContain(true);
  });

  it('does not overlook a task that was accepted while it looked for the next one', async () => {
    const [user, done] = [newId(), [] as string[]];
    const tasks = [taskOf(user, 'first')];
    let looks = 0;
    const { call } = startRunner({
      claim: () => {
        // The second look comes too early for the task, whose call arrives meanwhile.
        if (++looks === 2) {
          tasks.push(taskOf(user, 'second'));
          void call(user);
          return [];
        }
        return tasks.splice(0, 1);
      },
      run: async ({ task_id }) => void done.push(task_id),
    });
    expect(await call(user)).toBe(true);
    expect(done).toEqual(['first', 'second']);
  });

  it('never runs two tasks of one user at the same time', async () => {
    const user = newId();
    let [running, most, left] = [0, 0, 20];
    const next = () => (left-- > 0 ? [taskOf(user, `${left}`)] : []);
    const { call } = startRunner({
      claim: next,
      sweep: next,
      run: async () => {
        most = Math.max(most, ++running);
        await new Promise(setImmediate);
        running--;
      },
    });
    await Promise.all(Array.from({ length: 10 }, () => call(user)));
    await until('all are done', () => left <= 0 && running === 0);
    expect(most).toBe(1);
  });

  it('gives back what it has claimed and not begun when it stops, and finishes what it has begun', async () => {
    const [gate, begun, done] = [Promise.withResolvers<void>(), [] as string[], [] as string[]];
    const [first, second] = [newId(), newId()];
    const claims = Promise.withResolvers<void>();
    let looks = 0;
    const { runner, call, released } = startRunner({
      claim: ([user]) => [taskOf(user as UserId)],
      sweep: () => {
        // Claimed just as the worker stops.
        if (++looks !== 2) return [];
        void runner.stop();
        claims.resolve();
        return [taskOf(second)];
      },
      run: async ({ task_id }) => {
        begun.push(task_id);
        await gate.promise;
        done.push(task_id);
      },
    });
    const called = call(first);
    await until('it has begun', () => begun.length === 1);
    runner.wake();
    await claims.promise;
    const stopped = runner.stop();
    gate.resolve();
    await stopped;
    expect(await called).toBe(false);
    expect(done).toEqual([`task of ${first}`]);
    expect(released).toEqual([`task of ${second}`]);
  });
});
