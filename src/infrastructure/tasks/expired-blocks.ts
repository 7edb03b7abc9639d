import type { ClaimedTask, TaskRepository } from '../../application/tasks/task.ts';
import { outage } from '../concurrency/outage.ts';
import { Poller } from '../concurrency/poller.ts';
import { LEASE_SECONDS } from './task-runner.ts';

const AT_ONCE = 64;
const POLL_MS = 250;

type Ports = {
  tasks: Pick<TaskRepository, 'claim'>;
  /** Runs one task to its end. @throws where it is to be tried again */
  run: (task: ClaimedTask) => Promise<void>;
  /** Names this process, as a worker is named. */
  owner: string;
  onError: (error: unknown) => void;
};

/**
 * Ends blocks whose time is over in every process that is read from, so that reads follow within a second where no task worker
 * runs, or all are busy. The tasks are the same that workers run, under the same claims.
 */
export const expiredBlocks = ({ tasks, run, owner, onError }: Ports): Poller => {
  // A database may be read-only for hours, while the process goes on serving reads.
  const away = outage(onError);
  const end = async (): Promise<boolean> => {
    const claimed = await tasks.claim(owner, AT_ONCE, LEASE_SECONDS, { blockEnds: true });
    away.over();
    await Promise.all(claimed.map((task) => run(task).catch(onError)));
    return claimed.length > 0;
  };
  return new Poller(end, POLL_MS, away.report);
};
