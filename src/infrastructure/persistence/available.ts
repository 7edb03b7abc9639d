import { Problem } from '../../domain/problem.ts';
import { StoreFailure } from './database.ts';

/**
 * A read, tried once more on a fresh connection where the first one turned out dead.
 * @throws Problem store-unavailable
 */
export const available = async <T>(read: () => Promise<T>): Promise<T> => {
  try {
    return await read().catch((error) => (error instanceof StoreFailure && error.kind === 'unknown' ? read() : Promise.reject(error)));
  } catch (error) {
    if (error instanceof StoreFailure && error.kind !== 'refused') throw new Problem('store-unavailable', {}, { cause: error });
    throw error;
  }
};
