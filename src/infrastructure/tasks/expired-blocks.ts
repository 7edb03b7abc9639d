import type { ClaimedTask, TaskRepository } from '../../application/tasks/task.ts';
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
  let reported = false;
  const end = async (): Promise<boolean> => {
    const claimed = await tasks.claim(owner, AT_ONCE, LEASE_SECONDS, { blockEnds: true });
    reported = false;
    await Promise.all(claimed.map((task) => run(task).catch(onError)));
    return claimed.length > 0;
  };
  return new Poller(end, POLL_MS, (error) => {
    // A database may be read-only for hours, while the process goes on serving reads.
    if (!reported) onError(error);
    reported = true;
  });
};
