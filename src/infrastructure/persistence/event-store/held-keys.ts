import { LRUCache } from 'lru-cache';

/** For how long a change is refused at once that needs what another session held a moment ago. */
const HELD_MS = 2_000;
/** The oldest is forgotten where there are more. */
const MAX_HELD = 1_000;

/**
 * What other sessions hold without having committed it, as appends have found out by waiting: each such wait is one of all
 * changes, so a client that tries again and again must not lead to another one each time.
 */
export const heldKeys = () => {
  const held = new LRUCache<string, true>({ max: MAX_HELD, ttl: HELD_MS, perf: { now: () => performance.now() } });
  return {
    met: (keys: readonly string[]): void => {
      for (const key of keys) held.set(key, true);
    },
    isHeld: (keys: readonly string[]): boolean => held.size > 0 && keys.some((key) => held.has(key)),
  };
};
