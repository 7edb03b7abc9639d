import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expect } from 'vitest';
import { openPostgres } from '../../src/infrastructure/persistence/database/postgres.ts';
import type { Child } from '../fixtures/child.ts';
import { startHistory, succeeded } from '../fixtures/history.ts';
import { startLoad } from '../fixtures/load.ts';
import { type OwnServer, startNats, startPostgres, startRedis } from '../fixtures/own-servers.ts';
import { type Random, seeded } from '../fixtures/seeded.ts';
import { startProxy, type TcpProxy } from '../fixtures/tcp-proxy.ts';
import { until } from '../fixtures/until.ts';
import { check } from './checker.ts';
import { cachesAreCurrent } from './checks-of-answers.ts';
import type { Evidence, Fault } from './evidence.ts';
import { readStore, startProbes, startTail, startWatch } from './gather.ts';
import { readCaches, redisIsUsed } from './gather-caches.ts';
import { startSockets } from './gather-sockets.ts';
import { readStream, startConsumer } from './gather-stream.ts';
import { type Process, prepareProcess, type Role } from './processes.ts';

/** `npm run test:faults` takes its time and a quiet machine; inside `npm test` every scenario runs once, shortly, on any machine. */
export const long = process.env.FAULTS === 'long';
/** The memory limit of the deployment, in MB. */
const MEMORY_LIMIT = 512;
/** How many users change once all is at rest. */
const CHANGED_LAST = 30;
/** What a cache may be behind. */
const CACHES_MS = 1_000;
/** What a busy machine may add to each promised time. */
const SLACK_MS = long ? 250 : 5_000;

/** A server and the network between it and the service. */
type Part = { server: OwnServer; proxy: TcpProxy };

export type FaultRig = {
  random: Random;
  postgres: OwnServer;
  /** Between the service and PostgreSQL. */
  proxy: TcpProxy;
  /** @throws where the scenario did not ask for it */
  redis: () => Part;
  nats: () => Part;
  /** In the order of the roles that were asked for. */
  processes: readonly Process[];
  /** The first process, its address, how it is started and killed. */
  instance: string;
  child: () => Child;
  start: Process['start'];
  kill: Process['kill'];
  /** What was broken, in order. */
  faults: Fault[];
  /** Everything that happens in `broken` is a fault of that part or process; `mend` ends it. */
  fault: (what: Fault['what'] | Process, broken: () => Promise<unknown>, mend?: () => unknown) => Promise<void>;
  /** One statement, past the proxy. */
  sql: (text: string) => Promise<unknown[]>;
  /** Waits until somebody is answered this status or problem. */
  answered: (what: number | string) => Promise<unknown>;
  /** What is known so far of the clients' requests. */
  history: Evidence['history'];
};

type Options = {
  env?: Record<string, string>;
  /** PostgreSQL's settings. */
  conf?: Record<string, string>;
  /** One process for each, on the same servers; the load is on all that answer requests. */
  roles?: readonly Role[];
  /** Redis, with further arguments; NATS, with that configuration. */
  redis?: readonly string[];
  nats?: string;
};

/**
 * Servers of its own, each behind a proxy, the service as processes of their own, and clients: `scenario` breaks something, and
 * the checker must not notice. FAULTS_DUMP=<file> keeps the evidence of a run where it does.
 */
export const underLoad = (
  scenario: (rig: FaultRig) => Promise<void>,
  { env = {}, conf = {}, roles = ['all'], redis: redisArgs, nats: natsConf }: Options = {},
): Promise<Evidence> =>
  seeded(async (random) => {
    const cleanup: (() => Promise<unknown>)[] = [];
    const partOf = async (starting: Promise<OwnServer | null>): Promise<Part> => {
      const server = (await starting) as OwnServer;
      cleanup.unshift(server.stop);
      const proxy = await startProxy(server.url);
      cleanup.unshift(proxy.close);
      return { server, proxy };
    };
    const asked = (part: Part | null) => (): Part => {
      if (part === null) throw new Error('the scenario did not ask for this server');
      return part;
    };
    try {
      const store = await partOf(startPostgres({ conf }));
      const redis = redisArgs ? await partOf(startRedis({ args: [...redisArgs] })) : null;
      const nats = natsConf === undefined ? null : await partOf(startNats({ conf: natsConf }));
      const { server: postgres, proxy } = store;
      const urls = {
        DATABASE_URL: proxy.url,
        ...(redis && { REDIS_URL: redis.proxy.url }),
        ...(nats && { NATS_URL: nats.proxy.url }),
        // Many processes share the connections that a server gives.
        ...(roles.length > 1 && { DATABASE_POOL_SIZE: '6', DATABASE_MAX_OVERFLOW: '2', REDIS_POOL_SIZE: '3' }),
      };
      const processes = await Promise.all(roles.map((role) => prepareProcess(role, { ...urls, ...env })));
      const [first] = processes as [Process];
      const instances = processes.filter(({ api }) => api).map(({ instance }) => instance);
      const history = startHistory();
      const faults: Fault[] = [];

      const fault: FaultRig['fault'] = async (broke, broken, mend = async () => {}) => {
        const never = Number.POSITIVE_INFINITY;
        const answers = typeof broke === 'object' && broke.api;
        const what =
          typeof broke === 'string'
            ? { what: broke }
            : answers
              ? { what: 'api' as const, instance: broke.instance }
              : { what: 'aside' as const };
        const one: Fault = { ...what, from: performance.now(), mending: never, to: never };
        faults.push(one);
        await broken();
        one.mending = performance.now();
        await mend();
        one.to = performance.now();
      };

      cleanup.unshift(() => Promise.all(processes.map(({ child, kill }) => child() && kill())));
      await Promise.all(processes.map(({ start }) => start()));
      const watch = startWatch(() => processes.map(({ child }) => child().pid));
      cleanup.unshift(async () => void watch.stop());
      const tail = startTail(postgres.url);
      const probes = instances.map(startProbes);
      const load = startLoad(random, history, instances);
      await until('the clients are at work', () => history.operations.length > 100);
      const consumer = nats && startConsumer(nats.server.url, random);
      const sockets = startSockets(random, instances, createdIn(history.operations));
      await scenario({
        ...{ random, postgres, proxy, processes, faults, fault, redis: asked(redis), nats: asked(nats) },
        ...{ instance: first.instance, start: first.start, kill: first.kill, child: first.child },
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
      const healed = Math.max(0, ...faults.map(({ to }) => to));
      await until('changes succeed after all that was broken', () =>
        history.operations.some((one) => one.started > healed && one.method !== 'GET' && succeeded(one)),
      );
      await load.stop();
      await tasksEnded(postgres.url);
      // What every cache holds changes, and a moment later no cache may hold what was before.
      const userIds = createdIn(history.operations);
      await readCaches(instances, userIds);
      await load.rename(userIds.slice(-CHANGED_LAST));
      const database = openPostgres(postgres.url, 1);
      const rest = await readStore(database).finally(database.close);
      const living = rest.users.find(({ status }) => status !== 'deleted');
      if (redis && living) await redisIsUsed(redis.server.url, instances[0] as string, living.user_id);
      const caches = () => readCaches(instances, userIds);
      let cached = await caches();
      const areCurrent = () => cachesAreCurrent({ ...rest, cached }).length === 0;
      for (const end = performance.now() + CACHES_MS + SLACK_MS; !areCurrent() && performance.now() < end; cached = await caches())
        await sleep(50);
      const evidence: Evidence = {
        ...rest,
        ...{ history: history.operations, faults },
        published: nats && (await publishedFrom(nats.server.url, rest.log.length)),
        sockets: await sockets.stop(rest.log),
        cached: [...cached, ...((await consumer?.stop(rest.log)) ?? [])],
        starved: watch.stop(),
        slackMs: SLACK_MS,
        probes: (await Promise.all(probes.map(({ stop }) => stop()))).flat(),
        ...(await tail.stop()),
        gauges: processes.map(({ role, memory }) => ({ name: `memory of ${role} in MB`, highest: memory(), limit: MEMORY_LIMIT })),
      };
      const violations = check(evidence);
      const { FAULTS_DUMP } = process.env;
      if (violations.length > 0 && FAULTS_DUMP) writeFileSync(FAULTS_DUMP, JSON.stringify({ violations, evidence }));
      expect(violations).toEqual([]);
      return evidence;
    } finally {
      for (const end of cleanup) await end();
    }
  });

const createdIn = (history: Evidence['history']): string[] =>
  history.filter((one) => one.kind === 'create' && succeeded(one)).map(({ user_id }) => user_id);

/** The stream once it holds as many events as the log, or a while after it should. */
const publishedFrom = async (url: string, events: number): Promise<Evidence['published']> => {
  const complete = async () => {
    const published = await readStream(url).catch(() => []);
    if (new Set(published.map(({ id }) => id)).size >= events) return published;
    await sleep(200);
    return null;
  };
  return until('everything is published', complete).catch(() => readStream(url));
};

/** What the fence of the relay promises beyond the checker: no event is in the stream twice. */
export const publishedOnce = ({ published }: Evidence): void => {
  const ids = published?.map(({ id }) => id) ?? [];
  expect(ids.length - new Set(ids).size).toBe(0);
};

/** Tasks of a killed process run once its lease is over; a short run does not wait for that. */
const tasksEnded = (url: string): Promise<unknown> =>
  until('every task ends', async () => {
    if (!long) await sql(url, `update tasks set not_before = now() where status = 'running'`);
    const unfinished = await sql(url, `select 1 from tasks where status in ('queued', 'running') limit 1`);
    if (unfinished.length > 0) await sleep(100);
    return unfinished.length === 0;
  });

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
