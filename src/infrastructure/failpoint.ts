type Failure = { fail: () => Promise<void> | void; at: number | null };

const die = (): void => void process.kill(process.pid, 'SIGKILL');

const failureOf = (text: string): Failure['fail'] => {
  const [action, ms] = text.split(':');
  switch (action) {
    case 'kill':
      return () => (ms === undefined ? die() : void setTimeout(die, Number(ms)));
    case 'hang':
      return () => new Promise(() => {});
    case 'throw':
      return () => {
        throw new Error('a fail point throws');
      };
    case 'delay':
      return () => new Promise((resolve) => setTimeout(resolve, Number(ms)));
    default:
      throw new Error(`LUMIN_TEST_FAILPOINTS: ${text} is no action: kill, kill:<ms>, hang, throw, delay:<ms>`);
  }
};

/**
 * `<name>=<action>[@<n>]`, comma-separated: the action at every time the point is passed, or at the n-th only.
 * `kill` is SIGKILL at once, `kill:<ms>` goes on and dies that much later. @throws on another form
 */
export const failpoints = (text: string): ((name: string) => Promise<void> | undefined) => {
  const failures = new Map<string, Failure>();
  for (const point of text.split(',')) {
    const [, name, action, at] = /^([\w.]+)=([^@]+)(?:@([1-9]\d*))?$/.exec(point) ?? [];
    if (name === undefined || action === undefined) throw new Error(`LUMIN_TEST_FAILPOINTS: ${point} is not <name>=<action>[@<n>]`);
    failures.set(name, { fail: failureOf(action), at: at === undefined ? null : Number(at) });
  }
  const passed = new Map<string, number>();
  return (name) => {
    const failure = failures.get(name);
    if (failure === undefined) return;
    const times = (passed.get(name) ?? 0) + 1;
    passed.set(name, times);
    if (failure.at === null || failure.at === times) return failure.fail() ?? undefined;
  };
};

const { LUMIN_TEST_FAILPOINTS } = process.env;
const armed = LUMIN_TEST_FAILPOINTS ? failpoints(LUMIN_TEST_FAILPOINTS) : null;

/**
 * A named place in the code where a fault test lets this process die, hang, throw or dawdle. Does nothing unless the variable
 * LUMIN_TEST_FAILPOINTS is set. `await` it where the action may take time.
 */
export const failpoint = (name: string): Promise<void> | undefined => (armed === null ? undefined : armed(name));
