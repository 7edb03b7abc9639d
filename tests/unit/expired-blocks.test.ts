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
    onError: (error) => errors.push(error),
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
  expect([done, errors]).toEqual([['good', 'next'], [new Error('bad')]]);
});

it('a database that takes no writes is told of once, until it takes some again', async () => {
  let asked = 0;
  const errors = start(() => {
    if (++asked !== 10) throw new Error('read-only');
    return [];
  });
  await until('it was asked often', () => asked > 15);
  expect(errors).toEqual([new Error('read-only'), new Error('read-only')]);
});
