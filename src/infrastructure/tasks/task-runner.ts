import type { ClaimedTask, TaskRepository } from '../../domain/repositories/task-repository.ts';
import { Poller } from '../poller.ts';

const LEASE_SECONDS = 15;
const POLL_MS = 500;
const MAX_AT_ONCE = 64;
const SWEEP_EVERY_MS = 60_000;

type Ports = {
  tasks: TaskRepository;
  run: (task: ClaimedTask) => Promise<void>;
  owner: string;
  onError: (error: unknown) => void;
};

/**
 * Claims due tasks and runs them, at most one of each user at a time. Tasks found by polling survive anything; waking
 * only saves the wait. Whoever else runs a task too, its effect is written once: the append refuses an ended task.
 */
export const taskRunner = ({ tasks, run, owner, onError }: Ports): Poller => {
  let swept = Number.NEGATIVE_INFINITY;
  const work = async (): Promise<boolean> => {
    if (performance.now() - swept > SWEEP_EVERY_MS) {
      swept = performance.now();
      await tasks.sweep();
    }
    const claimed = await tasks.claim(owner, MAX_AT_ONCE, LEASE_SECONDS);
    await Promise.all(claimed.map((task) => run(task).catch(onError)));
    return claimed.length > 0;
  };
  return new Poller(work, POLL_MS, onError);
};
