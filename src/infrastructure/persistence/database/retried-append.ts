import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../../../domain/problem.ts';
import { backoff } from '../../concurrency/backoff.ts';
import { ailmentOf, StoreFailure } from './database.ts';

/** How long to go on trying a database that cannot be reached at all, or takes no changes: enough for a quick restart. */
const HOPELESS_MS = 3_000;
const delayMs = backoff({ first: 10, max: 500, share: 0.5 });

/**
 * Tries until it works, nobody waits for it any more, or the server refuses the statement for good. Safe for an append
 * too: the same change sent twice takes effect once.
 *
 * @throws StoreFailure of kind `refused`
 * @throws Problem store-unavailable, store-busy, store-read-only
 */
export const retriedAppend = async <T>(action: () => Promise<T>, abandoned: () => boolean): Promise<T> => {
  const started = performance.now();
  let reached = false;
  for (let attempt = 0; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof StoreFailure) || error.kind === 'refused') throw error;
      const ailment = ailmentOf(error);
      // Once a statement may have reached the server unanswered, only time tells what came of it.
      reached ||= error.kind !== 'unsent' && ailment !== 'read-only';
      const hopeless = !reached && performance.now() - started > HOPELESS_MS;
      if (hopeless || abandoned()) throw new Problem(`store-${ailment}`, {}, { cause: error });
      await sleep(delayMs(attempt));
    }
  }
};
