import { Problem } from '../../domain/problem.ts';

type Bounds = {
  /** How many run at the same time. */
  atOnce: number;
  /** How many more may wait for their turn, and for how long. */
  waiting: number;
  waitMs: number;
};

export type Gate = <T>(work: () => Promise<T>) => Promise<T>;

/** Work that may be slow or large runs a few at a time, in order of arrival. @throws Problem overloaded where too many wait, or for too long */
export const gate = ({ atOnce, waiting, waitMs }: Bounds): Gate => {
  let running = 0;
  const queue = new Set<() => void>();

  const turn = (): Promise<void> =>
    new Promise((resolve, reject) => {
      if (queue.size >= waiting) return reject(new Problem('overloaded'));
      const timer = setTimeout(() => {
        queue.delete(enter);
        reject(new Problem('overloaded'));
      }, waitMs);
      const enter = (): void => {
        clearTimeout(timer);
        resolve();
      };
      queue.add(enter);
    });

  return async (work) => {
    if (running < atOnce) running++;
    else await turn();
    try {
      return await work();
    } finally {
      const [next] = queue;
      if (next) queue.delete(next);
      // Who comes next takes the place over.
      if (next) next();
      else running--;
    }
  };
};
