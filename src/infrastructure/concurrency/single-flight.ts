import { setTimeout as sleep } from 'node:timers/promises';

/** Callers at the same time share one call and its answer; the next call after that asks anew. */
export const singleFlight = <T>(ask: () => Promise<T>): (() => Promise<T>) => {
  let asked: Promise<T> | null = null;
  return () => {
    asked ??= ask().finally(() => {
      asked = null;
    });
    return asked;
  };
};

/** The same for each key. */
export const singleFlightBy = <T>(): ((key: string, ask: () => Promise<T>) => Promise<T>) => {
  const asked = new Map<string, Promise<T>>();
  return (key, ask) => {
    const underWay = asked.get(key);
    if (underWay) return underWay;
    const answer = ask().finally(() => asked.delete(key));
    asked.set(key, answer);
    return answer;
  };
};

/** The same, for who waits no longer than `ms`: null where the answer comes later, or is an error. */
export const singleFlightWithin = <T>(ask: () => Promise<T>, ms: number): (() => Promise<T | null>) => {
  const shared = singleFlight(ask);
  return () => Promise.race([shared().catch(() => null), sleep(ms, null, { ref: false })]);
};
