import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { ClaimedTask, TaskRepository } from '../../application/tasks/task.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';
import { backoff } from '../concurrency/backoff.ts';
import { batchLoader } from '../concurrency/batch-loader.ts';
import type { Outage } from '../concurrency/outage.ts';
import { Poller } from '../concurrency/poller.ts';
import { failpoint } from '../failpoint.ts';
import type { TaskQueue } from './task-queue.ts';

export const LEASE_SECONDS = 15;
const AT_ONCE = 64;
const POLL_MS = 500;
/** While messages arrive, polling is a sweep for what they do not lead to: lost ones after this time, retries and ends of blocks at once. */
const OVERDUE_SECONDS = 2;
/** A store that is away is asked again after this, however many messages call. */
const PAUSE_MS = 500;

/** How long a task waits for its next try. */
export const retrySeconds = backoff({ first: 0.2, max: 60, share: 0 });

type Ports = {
  tasks: TaskRepository;
  /** Runs one task to its end. @throws where it is to be tried again */
  run: (task: ClaimedTask) => Promise<unknown>;
  /** Names this worker; nobody else may have the name. */
  owner: string;
  /** Calls of other processes; without it, due tasks are found by polling alone. */
  queue?: TaskQueue | null;
  /** Called when a task has ended here, either way. */
  onEnded?: (taskId: string) => void;
  away: Pick<Outage, 'report' | 'over'>;
};

/** The tasks of one user that this worker runs, one after the other. */
type Lane = { claimed: ClaimedTask | null; calledAgain: boolean; emptied: Promise<boolean> };

export type TaskRunner = { start: () => void; wake: () => void; stop: () => Promise<void> };

/**
 * Claims due tasks and runs them, at most one of each user at a time, those of one user in order of acceptance. A call from
 * the queue, or a task found by polling, opens the lane of its user, which is followed until it is empty: what waits behind
 * another task needs no call of its own. Tasks found by polling survive anything; calls only save the wait. Whoever else runs
 * a task too, its effect is written once: the append refuses an ended task.
 */
export const taskRunner = ({ tasks, run, owner, queue = null, onEnded = () => {}, away }: Ports): TaskRunner => {
  const lanes = new Map<UserId, Lane>();
  let stopping = false;

  /** The next task of a user; lanes that ask at the same time are answered by one statement. */
  const claimNext = batchLoader<UserId, ClaimedTask>(async (users) => {
    try {
      const claimed = await tasks.claim(owner, users.length, LEASE_SECONDS, { users });
      return new Map(claimed.map((task) => [task.user_id, task]));
    } catch (error) {
      away.report(error);
      if (!stopping) await sleep(PAUSE_MS);
      throw error;
    }
  });

  const runOne = async (task: ClaimedTask): Promise<void> => {
    try {
      await failpoint('task.claimed');
      await run(task);
      await failpoint('task.done');
      onEnded(task.task_id);
    } catch (error) {
      away.report(error);
    }
  };

  /** False where the lane may hold more: the worker stops, or its store is away. */
  const followLane = async (userId: UserId, lane: Lane): Promise<boolean> => {
    try {
      for (;;) {
        const { claimed } = lane;
        lane.claimed = null;
        lane.calledAgain = false;
        const task = claimed ?? (stopping ? null : await claimNext(userId));
        if (task && !stopping) await runOne(task);
        else if (task) await tasks.release(owner, [task.task_id]);
        if (stopping) return false;
        // A call during the claim may be for a task that the claim did not see yet.
        if (!task && !lane.calledAgain) return true;
      }
    } catch {
      return false;
    } finally {
      lanes.delete(userId);
    }
  };

  const follow = (userId: UserId, claimed: ClaimedTask | null = null): Promise<boolean> => {
    const open = lanes.get(userId);
    if (open) {
      open.calledAgain = true;
      open.claimed = claimed ?? open.claimed;
      return open.emptied;
    }
    const lane: Lane = { claimed, calledAgain: false, emptied: Promise.resolve(true) };
    lanes.set(userId, lane);
    lane.emptied = followLane(userId, lane);
    return lane.emptied;
  };

  const room = async (): Promise<void> => {
    while (lanes.size >= AT_ONCE) {
      await Promise.race([...lanes.values()].map(({ emptied }) => emptied));
      // Lanes whose tasks were appended together end together; then one claim serves all of them.
      await setImmediate();
    }
  };

  const sweep = async (): Promise<boolean> => {
    await room();
    if (stopping) return false;
    const overdueSeconds = queue?.consuming() ? OVERDUE_SECONDS : 0;
    const claimed = await tasks.claim(owner, Math.max(0, AT_ONCE - lanes.size), LEASE_SECONDS, { overdueSeconds });
    for (const task of claimed) void follow(task.user_id, task);
    return claimed.length > 0;
  };
  const poller = new Poller(sweep, POLL_MS, away);

  return {
    start: () => {
      poller.start();
      queue?.consume(async (userId) => {
        if (!lanes.has(userId)) await room();
        // The call that opened the lane stands for it; the others need not wait, and hold up nobody else's.
        const underWay = lanes.has(userId);
        const emptied = follow(userId);
        return underWay || emptied;
      });
    },

    wake: poller.wake,

    /** Begins nothing more; what is under way ends, what was claimed and not begun is given back. */
    stop: async () => {
      stopping = true;
      await Promise.all([poller.stop(), queue?.stop()]);
      await Promise.all([...lanes.values()].map(({ emptied }) => emptied));
    },
  };
};
