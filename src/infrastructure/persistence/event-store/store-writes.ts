import type { Outage } from '../../concurrency/outage.ts';
import { Poller } from '../../concurrency/poller.ts';
import { ailmentOf, StoreFailure } from '../database/database.ts';
import type { EventStore } from './event-store.ts';

/** For how long appends may fail by locks and time-outs, and none go through, before that is the state of the store. */
const BUSY_MS = 3_000;
/** An empty append needs no room on the disk, so it does not tell that there is some again. */
const FULL_MS = 60_000;
const DISK_FULL = '53100';
const LOOK_MS = 1_000;
/** How long no append may have come, while all is well and while it is not, before an empty one is made. */
const IDLE_MS = 10_000;
const AILING_MS = 2_000;

type Ailment = { state: 'read-only' | 'busy'; since: number; last: number; full: boolean };

/**
 * Whether changes go through, as the appends of this process show. Where nobody changes anything, an empty append shows it: it
 * takes the head of the log and opens every table, so it meets a server that may read only, a held head and locked tables.
 */
export const storeWrites = (store: EventStore, told: Pick<Outage, 'report' | 'over'>, now: () => number = () => performance.now()) => {
  let ailment: Ailment | null = null;
  let asked = now();

  const append: EventStore['append'] = async (batch) => {
    const started = now();
    asked = started;
    try {
      const outcomes = await store.append(batch);
      if (batch.length > 0 || !ailment?.full || now() - ailment.last > FULL_MS) {
        ailment = null;
        told.over();
      }
      return outcomes;
    } catch (error) {
      const state = error instanceof StoreFailure ? ailmentOf(error) : 'unavailable';
      if (state !== 'unavailable') {
        const since = ailment?.state === state ? ailment.since : started;
        if (state === 'read-only') told.report(error);
        ailment = { state, since, last: now(), full: (error as StoreFailure).sqlstate === DISK_FULL };
      }
      throw error;
    }
  };

  const look = async (): Promise<boolean> => {
    if (now() - asked >= (ailment ? AILING_MS : IDLE_MS)) await append([]);
    return false;
  };

  return {
    store: { ...store, append },
    state: (): 'ok' | 'read-only' | 'busy' => {
      if (ailment === null || (ailment.state === 'busy' && ailment.last - ailment.since < BUSY_MS)) return 'ok';
      return ailment.state;
    },
    look,
    // What an empty append meets is in the state.
    looking: new Poller(look, LOOK_MS, { report: () => {}, over: () => {} }),
  };
};
