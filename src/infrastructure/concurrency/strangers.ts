const QUIET_MS = 600_000;

/** Counts what others write where only this service should, and tells of it when it begins, and again where it came back after some quiet. */
export const strangers = (tell: () => void) => {
  let count = 0;
  let last = Number.NEGATIVE_INFINITY;
  return {
    met: (): void => {
      if (performance.now() - last > QUIET_MS) tell();
      last = performance.now();
      count++;
    },
    count: (): number => count,
  };
};
