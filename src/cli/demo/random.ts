export type Random = {
  /** In [0, 1). */
  next: () => number;
  /** A whole number from 0 to `count` - 1. */
  below: (count: number) => number;
  pick: <T>(items: readonly T[]) => T;
};

/** mulberry32: the same seed gives the same run. */
export const seededRandom = (seed: number): Random => {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count: number): number => Math.floor(next() * count);
  return { next, below, pick: (items) => items[below(items.length)] as (typeof items)[number] };
};
