import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../../domain/problem.ts';
import { StoreFailure } from './database.ts';

/** How long to go on trying a database that cannot be reached at all: enough for a quick restart. */
const UNREACHABLE_MS = 3_000;
const MAX_DELAY_MS = 500;

/**
 * Tries until it works, nobody waits for it any more, or the server refuses the statement for good. Safe for an append
 * too: the same change sent twice takes effect once.
 *
 * @throws StoreFailure of kind `refused`
 * @throws Problem store-unavailable
 */
export const retrying = async <T>(action: () => Promise<T>, abandoned: () => boolean): Promise<T> => {
  const started = performance.now();
  let reached = false;
  for (let attempt = 0; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof StoreFailure) || error.kind === 'refused') throw error;
      reached ||= error.kind !== 'unsent';
      const unreachable = !reached && performance.now() - started > UNREACHABLE_MS;
      if (unreachable || abandoned()) throw new Problem('store-unavailable', {}, { cause: error });
      await sleep(Math.min(MAX_DELAY_MS, 10 * 2 ** attempt) * (0.5 + Math.random() / 2));
    }
  }
};
