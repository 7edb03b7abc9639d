import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expect } from 'vitest';
import { type Child, killNine, listening, startMain } from '../fixtures/child.ts';
import { type Random, seeded } from '../fixtures/seeded.ts';
import { freePort, type OwnServer, startPostgres } from '../fixtures/servers.ts';
import { startProxy, type TcpProxy } from '../fixtures/tcp-proxy.ts';
import { until } from '../fixtures/until.ts';
import { check } from './checker.ts';
import { type Evidence, type Fault, succeeded } from './evidence.ts';
import { peakMemory, readStore, startProbes, startTail } from './gather.ts';
import { startHistory } from './history.ts';
import { startLoad } from './load.ts';

/** `npm run test:faults` takes its time; inside `npm test` every scenario runs once, shortly. */
export const long = process.env.FAULTS === 'long';
/** The memory limit of the deployment, in MB. */
const MEMORY_LIMIT = 512;

export type FaultRig = {
  random: Random;
  postgres: OwnServer;
  /** Between the service and PostgreSQL. */
  proxy: TcpProxy;
  /** The service's address, which stays the same when it is started again. */
  instance: string;
  /** What was broken, in order. */
  faults: Fault[];
  child: () => Child;
  /** Starts the service, ready; with fail points, as LUMIN_TEST_FAILPOINTS takes them. */
  start: (failpoints?: string) => Promise<void>;
  kill: () => Promise<void>;
  /** Everything that happens in `broken` is a fault of that part; `mend` ends it. */
  fault: (what: Fault['what'], broken: () => Promise<unknown>, mend?: () => unknown) => Promise<void>;
  /** One statement, past the proxy. */
  sql: (text: string) => Promise<unknown[]>;
  /** Waits until somebody is answered this status or problem. */
  answered: (what: number | string) => Promise<unknown>;
  /** What is known so far of the clients' requests. */
  history: Evidence['history'];
};

type Options = { env?: Record<string, string>; conf?: Record<string, string> };

/**
 * PostgreSQL of its own, a proxy, the service as a process of its own, and clients: `scenario` breaks something, and the checker must not notice.
 * FAULTS_DUMP=<file> keeps the evidence of a run where it does.
 */
export const underLoad = (scenario: (rig: FaultRig) => Promise<void>, { env = {}, conf = {} }: Options = {}): Promise<void> =>
  seeded(async (random) => {
    const cleanup: (() => Promise<unknown>)[] = [];
    try {
      const postgres = (await startPostgres({ conf })) as OwnServer;
      cleanup.unshift(postgres.stop);
      const proxy = await startProxy(postgres.url);
      cleanup.unshift(proxy.close);
      const port = await freePort();
      const instance = `http://127.0.0.1:${port}`;
      const history = startHistory();
      const faults: Fault[] = [];
      let child = null as unknown as Child;
      let highest = 0;

      const start = async (failpoints = ''): Promise<void> => {
        child = startMain({ DATABASE_URL: proxy.url, PORT: String(port), LUMIN_TEST_FAILPOINTS: failpoints, ...env });
        await listening(child);
        await until('the service is ready', async () => (await fetch(`${instance}/health/ready`).catch(() => null))?.ok);
      };
      const kill = async (): Promise<void> => {
        highest = Math.max(highest, peakMemory(child.pid));
        await killNine(child);
      };
      const fault: FaultRig['fault'] = async (what, broken, mend = async () => {}) => {
        const never = Number.POSITIVE_INFINITY;
        const one = { what, from: performance.now(), mending: never, to: never };
        faults.push(one);
        await broken();
        one.mending = performance.now();
        await mend();
        one.to = performance.now();
      };

      await start();
      cleanup.unshift(() => kill());
      const tail = startTail(postgres.url);
      const probes = startProbes(instance);
      const load = startLoad(random, history, [instance]);
      await until('the clients are at work', () => history.operations.length > 100);
      await scenario({
        ...{ random, postgres, proxy, instance, faults, start, kill, fault },
        child: () => child,
        sql: (text) => sql(postgres.url, text),
        answered: async (what) => {
          const now = performance.now();
          await until(`somebody is answered ${what}`, () =>
            history.operations.some(({ status, code, ended }) => ended >= now && (status === what || code === what)),
          );
        },
        history: history.operations,
      });
      // The load was one.
      const kinds = ['create', 'rename', 'phone', 'email', 'read', 'task'] as const;
      await until('requests of every kind succeed', () =>
        kinds.every((kind) => history.operations.some((one) => one.kind === kind && succeeded(one))),
      );
      await load.stop();
      const probed = await probes.stop();
      await tasksEnded(postgres.url);
      const followed = await tail.stop();
      highest = Math.max(highest, peakMemory(child.pid));

      const evidence: Evidence = {
        ...{ history: history.operations, faults, probes: probed, published: null, sockets: [], cached: [] },
        ...followed,
        ...(await readStore(postgres.url)),
        gauges: [{ name: 'memory in MB', highest, limit: MEMORY_LIMIT }],
      };
      const violations = check(evidence);
      const { FAULTS_DUMP } = process.env;
      if (violations.length > 0 && FAULTS_DUMP) writeFileSync(FAULTS_DUMP, JSON.stringify({ violations, evidence }));
      expect(violations).toEqual([]);
    } finally {
      for (const end of cleanup) await end();
    }
  });

/** Tasks of a killed process run once its lease is over; a short run does not wait for that. */
const tasksEnded = (url: string): Promise<unknown> =>
  until(
    'every task ends',
    async () => {
      if (!long) await sql(url, `update tasks set not_before = now() where status = 'running'`);
      const unfinished = await sql(url, `select 1 from tasks where status in ('queued', 'running') limit 1`);
      if (unfinished.length > 0) await sleep(100);
      return unfinished.length === 0;
    },
    30_000,
  );

const sql = async (url: string, text: string): Promise<unknown[]> => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
};
