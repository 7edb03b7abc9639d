/** What one look at one thing came to, for people. `unknown`: something else has to work before it can be looked at, or it is not used. */
export type Finding = { check: string; state: 'ok' | 'wrong' | 'unknown'; found: string; mend: string | null };

export const ok = (check: string, found: string): Finding => ({ check, state: 'ok', found, mend: null });
export const wrong = (check: string, found: string, mend: string): Finding => ({ check, state: 'wrong', found, mend });
export const unknown = (check: string, found: string): Finding => ({ check, state: 'unknown', found, mend: null });

/** A check that has not ended by then says so; what it still waits for is not waited for. */
export const within = async <T>(ms: number, work: Promise<T>, late: () => T): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(late()), ms);
  });
  return Promise.race([work, end]).finally(() => clearTimeout(timer));
};

/** How long an answer takes: the median of three. */
export const latencyOf = async (ask: () => Promise<unknown>): Promise<number> => {
  const times: number[] = [];
  for (let asked = 0; asked < 3; asked++) {
    const started = performance.now();
    await ask();
    times.push(performance.now() - started);
  }
  return times.toSorted((one, other) => one - other)[1] as number;
};

const SLOW_MS = 100;

export const latency = (check: string, ms: number): Finding => {
  const found = `answers in ${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  return ms > SLOW_MS
    ? wrong(
        check,
        `${found}, and every request waits for it`,
        'run the service near it, and look at how busy both machines and the network are',
      )
    : ok(check, found);
};

const SKEW_MS = 1_000;

/** How far a server's clock is from ours; `before` and `after` its answer. */
export const clock = (check: string, theirs: number, before: number, after: number): Finding => {
  const skew = theirs - (before + after) / 2;
  // What the answer took is not the clock's fault.
  const certain = Math.abs(skew) - (after - before) / 2;
  const seconds = (Math.abs(skew) / 1_000).toFixed(1);
  return certain > SKEW_MS
    ? wrong(
        check,
        `is ${seconds} s ${skew > 0 ? 'ahead of' : 'behind'} that of this machine`,
        'timedatectl set-ntp true, on the machine whose clock is wrong',
      )
    : ok(check, 'agrees with that of this machine');
};
