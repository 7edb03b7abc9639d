import { Problem } from '../../../domain/problem.ts';
import { ailmentOf, StoreFailure } from './database.ts';

/** A dead connection says so at once. Where the server is silent, another try would only double the wait. */
const AT_ONCE_MS = 1_000;

/**
 * A read, tried again where its connection turned out dead: all those in a pool may be, and each is dropped when it is found so.
 * @throws Problem store-unavailable, store-busy
 */
export const retriedRead = async <T>(read: () => Promise<T>): Promise<T> => {
  const started = performance.now();
  const dead = (error: unknown): boolean =>
    error instanceof StoreFailure && error.kind === 'unknown' && performance.now() - started < AT_ONCE_MS;
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (dead(error)) continue;
      if (error instanceof StoreFailure && error.kind !== 'refused') {
        throw new Problem(ailmentOf(error) === 'busy' ? 'store-busy' : 'store-unavailable', {}, { cause: error });
      }
      throw error;
    }
  }
};
