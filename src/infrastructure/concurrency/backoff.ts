type Policy = {
  /** The first bound and the greatest, in the unit that the caller waits in. */
  first: number;
  max: number;
  /** The share of the bound that is waited in any case. */
  share: number;
};

/**
 * How long to wait after so many failures: up to a bound that doubles each time, with jitter, so that those who failed together
 * do not come back together (AWS Architecture Blog, "Exponential Backoff And Jitter").
 */
export const backoff =
  ({ first, max, share }: Policy) =>
  (failures: number, random = Math.random()): number =>
    Math.min(max, first * 2 ** failures) * (share + (1 - share) * random);
