import { type Child, killNine, listening, startMain } from '../fixtures/child.ts';
import { freePort } from '../fixtures/own-servers.ts';
import { until } from '../fixtures/until.ts';
import { peakMemory } from './gather.ts';

export type Role = 'all' | 'api' | 'worker:tasks' | 'worker:outbox';

/** One process of the service. */
export type Process = {
  role: Role;
  /** Whether it answers requests. */
  api: boolean;
  /** Its address, which stays the same when it is started again; of a worker, that of its health and metrics. */
  instance: string;
  child: () => Child;
  /** Starts it, ready; with fail points, as LUMIN_TEST_FAILPOINTS takes them, at which it may die before it is. */
  start: (failpoints?: string) => Promise<void>;
  kill: () => Promise<void>;
  /** SIGSTOP and SIGCONT. */
  freeze: () => void;
  thaw: () => void;
  /** Waits until it dies at a fail point. */
  dies: () => Promise<unknown>;
  /** A metric without labels, now; undefined where the process does not tell. */
  metric: (name: string) => Promise<number | undefined>;
  /** The most memory that it ever had, in MB. */
  memory: () => number;
};

export const prepareProcess = async (role: Role, env: Record<string, string>): Promise<Process> => {
  const port = String(await freePort());
  const instance = `http://127.0.0.1:${port}`;
  let child = null as unknown as Child;
  let highest = 0;
  const memory = (): number => {
    highest = Math.max(highest, peakMemory(child.pid));
    return highest;
  };
  return {
    role,
    api: role === 'all' || role === 'api',
    instance,
    memory,
    child: () => child,
    async start(failpoints = '') {
      child = startMain({ PORT: port, WORKER_PORT: port, LUMIN_TEST_FAILPOINTS: failpoints, ...env }, role);
      const died = (): boolean => failpoints !== '' && child.process.signalCode === 'SIGKILL';
      await listening(child).catch((error) => died() || Promise.reject(error));
      await until(`the ${role} is ready`, async () => died() || (await fetch(`${instance}/health/ready`).catch(() => null))?.ok);
    },
    async kill() {
      memory();
      await killNine(child);
    },
    freeze: () => void child.process.kill('SIGSTOP'),
    thaw: () => void child.process.kill('SIGCONT'),
    dies: () => until(`the ${role} dies at the fail point`, () => child.process.signalCode === 'SIGKILL'),
    async metric(name) {
      const answer = await fetch(`${instance}/metrics`).catch(() => null);
      const value = new RegExp(`^${name} (\\S+)$`, 'm').exec((await answer?.text()) ?? '')?.[1];
      return value === undefined ? undefined : Number(value);
    },
  };
};

/** The process that publishes events now. */
export const leaderOf = (processes: readonly Process[]): Promise<Process> =>
  until('somebody publishes events', async () => {
    const leading = await Promise.all(processes.map(({ metric }) => metric('lumin_relay_leading')));
    return processes[leading.indexOf(1)];
  });
