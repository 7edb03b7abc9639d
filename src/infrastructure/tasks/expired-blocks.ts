import type { ClaimedTask, TaskRepository } from '../../application/tasks/task.ts';
import type { Outage } from '../concurrency/outage.ts';
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
  away: Pick<Outage, 'report' | 'over'>;
};

/**
 * Ends blocks whose time is over in every process that is read from, so that reads follow within a second where no task worker
 * runs, or all are busy. The tasks are the same that workers run, under the same claims.
 */
export const expiredBlocks = ({ tasks, run, owner, away }: Ports): Poller => {
  const end = async (): Promise<boolean> => {
    const claimed = await tasks.claim(owner, AT_ONCE, LEASE_SECONDS, { blockEnds: true });
    await Promise.all(claimed.map((task) => run(task).catch(away.report)));
    return claimed.length > 0;
  };
  return new Poller(end, POLL_MS, away);
};
