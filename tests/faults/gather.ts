import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../src/infrastructure/persistence/database/database.ts';
import { openPostgres } from '../../src/infrastructure/persistence/database/postgres.ts';
import { type EventRow, eventColumns, toEvent, type UserRow } from '../../src/infrastructure/persistence/event-store/event-store.ts';
import { type Evidence, type Probe, prefixHashes, type Span, type TaskRow } from './evidence.ts';

const TAIL_MS = 30;
const PROBE_MS = 100;
const WATCH_MS = 200;
const MOSTLY = 0.5;
const RAW = 'row_to_json(e)::text as raw';

/** The log and what is made of it, as the database has them now. */
export const readStore = async ({ query }: Pick<Database, 'query'>): Promise<Pick<Evidence, 'log' | 'users' | 'tasks'>> => {
  const events = await query<EventRow & { command_id: string; raw: string }>(
    `select ${eventColumns()}, command_id, ${RAW} from events e order by position`,
  );
  return {
    log: events.map((row) => ({ ...toEvent(row), command_id: row.command_id, raw: row.raw })),
    users: await query<UserRow>('select user_id, version, fold, status, email_key, phone_key, state from users'),
    tasks: await query<TaskRow>('select task_id, status from tasks'),
  };
};

/** Follows the log as a reader of its own, through every outage, and hashes what it sees. */
export const startTail = (url: string) => {
  const database: Database = openPostgres(url, 1);
  const seen: number[] = [];
  const prefixes: { position: number; hash: string }[] = [];
  const abort = new AbortController();
  const look = async (): Promise<void> => {
    const rows = await database
      .query<{ position: number; raw: string }>(`select position, ${RAW} from events e where position > $1 order by position`, [
        seen.at(-1) ?? 0,
      ])
      .catch(() => []);
    seen.push(...rows.map(({ position }) => position));
    prefixes.push(...prefixHashes(rows, prefixes.at(-1)));
  };
  const running = (async () => {
    for (; !abort.signal.aborted; await sleep(TAIL_MS)) await look();
  })();
  return {
    stop: async (): Promise<Pick<Evidence, 'tails' | 'prefixes'>> => {
      abort.abort();
      await running;
      await look();
      await database.close();
      return { tails: [{ after: 0, seen }], prefixes };
    },
  };
};

/** Asks the process how it is, again and again. */
export const startProbes = (instance: string) => {
  const probes: Probe[] = [];
  const abort = new AbortController();
  const ask = async (path: Probe['path']): Promise<void> => {
    const at = performance.now();
    const answer = await fetch(`${instance}${path}`, { signal: AbortSignal.timeout(5_000) })
      .then(async (response) => ({
        status: response.status,
        body: (await response.json()) as { status?: unknown; checks?: Record<string, string> },
      }))
      .catch(() => null);
    const state = typeof answer?.body.status === 'string' ? answer.body.status : null;
    const checks = Object.entries(answer?.body.checks ?? {}).filter(([, check]) => check !== 'ok');
    const unwell = checks.map(([name, check]) => `${name} ${check}`).join(', ');
    probes.push({ instance, at, ended: performance.now(), path, status: answer?.status ?? null, state, unwell });
  };
  const running = (['/health', '/health/live', '/health/ready'] as const).map(async (path) => {
    for (; !abort.signal.aborted; await sleep(PROBE_MS)) await ask(path);
  });
  return {
    stop: async (): Promise<Probe[]> => {
      abort.abort();
      await Promise.all(running);
      return probes;
    },
  };
};

/** Watches how long the processes wait for a processor, where the system tells. */
export const startWatch = (pids: () => number[]) => {
  const starved: Span[] = [];
  let last = { at: performance.now(), waited: new Map<number, number>() };
  const look = (): void => {
    const [from, at] = [last.at, performance.now()];
    const waited = new Map(pids().map((pid) => [pid, waitedMs(pid)]));
    const most = Math.max(0, ...[...waited].map(([pid, ms]) => ms - (last.waited.get(pid) ?? ms)));
    if (most > (at - from) * MOSTLY) starved.push({ from, to: at });
    last = { at, waited };
  };
  const timer = setInterval(look, WATCH_MS);
  return {
    stop: (): Span[] => {
      clearInterval(timer);
      return starved;
    },
  };
};

const waitedMs = (pid: number): number => {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
};

/** The most memory that the process ever had, in MB; 0 where the system does not tell. */
export const peakMemory = (pid: number): number => {
  try {
    return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
};
