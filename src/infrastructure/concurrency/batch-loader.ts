import { Problem } from '../../domain/problem.ts';

const MAX_KEYS = 256;

/**
 * Turns many lookups of one key into few lookups of many: while one is under way, the next keys gather. A lone lookup
 * does not wait. Callers that ask for the same key share the answer; a problem in place of a value is that of one key.
 */
export const batchLoader = <K, V>(loadMany: (keys: K[]) => Promise<Map<K, V | Problem>>): ((key: K) => Promise<V | null>) => {
  type Lookup = { promise: Promise<V | null>; resolve: (value: V | null) => void; reject: (error: unknown) => void };
  let gathering = new Map<K, Lookup>();
  let running = false;

  const drain = async (): Promise<void> => {
    running = true;
    await new Promise(setImmediate);
    while (gathering.size > 0) {
      const lookups = [...gathering].slice(0, MAX_KEYS);
      gathering = new Map([...gathering].slice(MAX_KEYS));
      try {
        const found = await loadMany(lookups.map(([key]) => key));
        for (const [key, { resolve, reject }] of lookups) {
          const value = found.get(key) ?? null;
          if (value instanceof Problem) reject(value);
          else resolve(value);
        }
      } catch (error) {
        for (const [, { reject }] of lookups) reject(error);
      }
    }
    running = false;
  };

  return (key) => {
    const lookup = gathering.get(key) ?? Promise.withResolvers<V | null>();
    gathering.set(key, lookup);
    if (!running) void drain();
    return lookup.promise;
  };
};
