import { expect, it, onTestFinished } from 'vitest';
import type { ClaimedTask } from '../../src/application/tasks/task.ts';
import { expiredBlocks } from '../../src/infrastructure/tasks/expired-blocks.ts';
import { until } from '../fixtures/until.ts';

/** Asks `claim` again and again, as fast as it answers. */
const start = (claim: () => string[], run: (id: string) => Promise<void> = async () => {}) => {
  const errors: unknown[] = [];
  const poller = expiredBlocks({
    tasks: { claim: async () => claim().map((task_id) => ({ task_id }) as ClaimedTask) },
    run: ({ task_id }) => run(task_id),
    owner: 'me',
    away: { report: (error) => errors.push(error), over: () => errors.push('over') },
  });
  poller.start();
  const hurry = setInterval(poller.wake);
  onTestFinished(() => {
    clearInterval(hurry);
    return poller.stop();
  });
  return errors;
};

it('ends of blocks go on where one of them fails', async () => {
  const [due, done] = [[['bad', 'good'], ['next']], [] as string[]];
  const run = async (id: string) => {
    if (id === 'bad') throw new Error(id);
    done.push(id);
  };
  const errors = start(() => due.shift() ?? [], run);
  await until('the next one has ended', () => done.includes('next'));
  expect(done).toEqual(['good', 'next']);
  expect(errors.slice(0, 2)).toEqual([new Error('bad'), 'over']);
});

it('a database that takes no writes is reported each time, until it takes some again', async () => {
  let asked = 0;
  const errors = start(() => {
    if (++asked !== 3) throw new Error('read-only');
    return [];
  });
  await until('it was asked often', () => asked > 5);
  const readOnly = new Error('read-only');
  expect(errors.slice(0, 4)).toEqual([readOnly, readOnly, 'over', readOnly]);
});
