import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { awaitTask } from '../../src/application/queries/get-task.ts';
import type { Task } from '../../src/application/tasks/task.ts';
import { Problem } from '../../src/domain/problem.ts';

// Sleeps follow the fake clock.
vi.mock('node:timers/promises', () => ({
  setTimeout: (ms: number, value: unknown) => new Promise((resolve) => setTimeout(() => resolve(value), ms)),
}));

const TASK_ID = `task_${'0'.repeat(26)}`;
const running = { task_id: TASK_ID, finished_at: null } as Task;
const ended = { task_id: TASK_ID, finished_at: new Date('2026-03-01T12:00:00Z') } as Task;

/** Answers one after the other, the last one again and again; null: never. */
const finding = (...answers: (Task | Problem | null)[]) => {
  let looks = 0;
  const find = async (): Promise<Task> => {
    const answer = answers[Math.min(looks++, answers.length - 1)];
    if (answer instanceof Problem) throw answer;
    return answer ?? new Promise(() => {});
  };
  const wait = async (taskId: string, ms: number): Promise<Task> => {
    const waiting = awaitTask({ find })(taskId, ms);
    waiting.catch(() => {});
    await vi.advanceTimersByTimeAsync(ms);
    return waiting;
  };
  return { wait, looks: () => looks };
};
const away = new Problem('store-unavailable');

describe('waiting for a task', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('looks often at first and then seldom', async () => {
    const { wait, looks } = finding(running);
    expect(await wait(TASK_ID, 600)).toBe(running);
    expect(looks()).toBeGreaterThan(2);
    expect(looks()).toBeLessThanOrEqual(10);
  });

  it('goes on while the store is away', async () => expect(await finding(running, away, away, ended).wait(TASK_ID, 5_000)).toBe(ended));

  it.each([
    ['that fails', away],
    ['that is never answered', null],
  ])('ends with the task as it was last seen, after a look %s', async (_, look) =>
    expect(await finding(running, look).wait(TASK_ID, 100)).toBe(running),
  );

  it.each([
    ['fails', away, 'store-unavailable'],
    ['is refused', new Problem('overloaded'), 'overloaded'],
    ['is not answered', null, 'store-unavailable'],
  ] as const)('fails where every look %s', async (_, look, code) =>
    expect(finding(look).wait(TASK_ID, 50)).rejects.toMatchObject({ code }),
  );

  it('fails at once for a task that there is not', async () => {
    const { wait, looks } = finding(new Problem('task-not-found'));
    await expect(wait(TASK_ID, 60_000)).rejects.toMatchObject({ code: 'task-not-found' });
    expect(looks()).toBe(1);
  });
});
