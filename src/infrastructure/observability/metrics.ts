import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { singleFlightWithin } from '../concurrency/single-flight.ts';

/** How far the log is published, as the database says. `lagging_ms`: the age of the oldest event that waits. */
type RelayFigures = {
  position: number;
  head: number;
  lag: number;
  leader: boolean;
  lagging_ms: number | null;
  stream_ahead: boolean;
  drops_unread: boolean;
};
/** Unfinished tasks, by what they wait for. */
type TaskFigures = { queued: number; scheduled: number; running: number; oldest_due_seconds: number };

/** What is asked when the metrics are read. What fails, or takes longer than a second, leaves its samples out. */
export type Sources = {
  build: { version: string; role: string };
  state: () => 'starting' | 'serving' | 'stopping';
  /** @throws where the database does not answer */
  ping: () => Promise<boolean>;
  /** Whether the database, where it answers, takes changes. */
  writable: () => boolean;
  /** Of each other server that is configured, whether it answers. */
  servers: Record<string, (() => boolean) | null | undefined>;
  /** Null without NATS. */
  relay: (() => Promise<RelayFigures>) | null;
  /** What the relay of this process does; null where it has none. `published` counts from its start. */
  publishing: () => { leading: boolean; published: number } | null;
  tasks: () => Promise<TaskFigures>;
  /** Events that search goes on without. */
  skipped: () => Promise<number>;
  /** Messages in NATS that were not ours, by the stream. */
  foreign: () => Record<string, number>;
  cache: () => Readonly<{ l1_hits: number; redis_hits: number; misses: number; rejected: number }>;
  /** How often this process found that the log had gone back. */
  logChanges: () => number;
  connections: () => { open: number; idle: number; waiting: number } | null;
  liveClients: () => number;
};

type Sample = { labels?: Record<string, string>; value: number };
type Value = number | boolean | null | undefined;

const ASK_MS = 1_000;
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128];
/** Gauges by their type, counters by their name: linters of metrics take them for mistakes. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** Prometheus metrics of this process, listed in docs/metrics.md. Every label has few values, all known beforehand: no ids, and nothing that a client sends. */
export const metrics = (sources: Sources) => {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);

  const counter = (name: string, help: string, ...labelNames: string[]) => new Counter({ name, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: number[], ...labelNames: string[]) =>
    new Histogram({ name, help, buckets, labelNames, registers });

  const requests = counter('lumin_http_requests_total', 'Requests answered.', 'method', 'route', 'status');
  const requestSeconds = histogram('lumin_http_request_duration_seconds', 'Time to answer a request.', SECONDS, 'method', 'route');
  const commands = counter('lumin_commands_total', 'Commands of requests, by what came of them.', 'command', 'outcome');
  const taskRuns = counter('lumin_task_runs_total', 'Tries of tasks by this process, by what came of them.', 'command', 'outcome');
  const deadTasks = counter('lumin_tasks_dead_total', 'Tasks that this process gave up after their last try.');
  const batchChanges = histogram('lumin_batch_changes', 'Changes committed together.', SIZES);
  const batchSeconds = histogram('lumin_batch_commit_duration_seconds', 'Time to commit a batch.', SECONDS);
  let inProgress = 0;

  /** What the database says; one that hangs is asked once, however many read. Null where it does not answer in time. */
  const asked = {
    store: singleFlightWithin(sources.ping, ASK_MS),
    relay: sources.relay && singleFlightWithin(sources.relay, ASK_MS),
    tasks: singleFlightWithin(sources.tasks, ASK_MS),
    skipped: singleFlightWithin(sources.skipped, ASK_MS),
  };
  let store = false;
  let relay: RelayFigures | null = null;
  let tasks: TaskFigures | null = null;
  let skipped: number | null = null;
  const ask = async (): Promise<void> => {
    const answers = await Promise.all([asked.store(), asked.relay?.() ?? null, asked.tasks(), asked.skipped()]);
    store = answers[0] ?? false;
    [, relay, tasks, skipped] = answers;
  };

  /** Has the samples that `read` finds when the metrics are read: any number of them, or one, or none. */
  const read = (type: typeof Gauge | typeof Counter, name: string, help: string, labelNames: string[], samples: () => Sample[]) =>
    new type({
      name,
      help,
      labelNames,
      registers,
      collect(this: Gauge | Counter) {
        this.reset();
        if (labelNames.length === 0) this.remove();
        for (const { labels = {}, value } of samples()) this.inc(labels, value);
      },
    });
  const gauge = (name: string, help: string, value: () => Value) => read(Gauge, name, help, [], () => sampleOf(value()));
  const gauges = (name: string, help: string, label: string, values: () => Record<string, number>) =>
    read(Gauge, name, help, [label], () => Object.entries(values()).map(([key, value]) => ({ labels: { [label]: key }, value })));

  read(Gauge, 'lumin_build_info', 'Always 1.', ['version', 'role'], () => [{ labels: sources.build, value: 1 }]);
  gauge('lumin_ready', '1 where requests should be sent here, else 0.', () => store && sources.state() === 'serving');
  gauges('lumin_dependency_up', '1 where a server that the process needs answers, else 0.', 'dependency', () => {
    const servers = Object.entries(sources.servers).flatMap(([name, answers]) => (answers ? [[name, Number(answers())]] : []));
    return { store: Number(store), ...Object.fromEntries(servers) };
  });
  gauge('lumin_store_writable', '1 where the database takes changes, 0 where it answers and takes none.', () =>
    store ? sources.writable() : null,
  );
  gauge('lumin_http_requests_in_progress', 'Requests that are not answered yet.', () => inProgress);

  read(Counter, 'lumin_cache_reads_total', 'Reads of users, by the level that answered.', ['level'], () => {
    const { l1_hits: memory, redis_hits: redis, misses } = sources.cache();
    return Object.entries({ memory, redis, store: misses }).map(([level, value]) => ({ labels: { level }, value }));
  });
  read(Counter, 'lumin_cache_rejected_total', 'Values in Redis that were not ours, and not used.', [], () =>
    sampleOf(sources.cache().rejected),
  );

  gauge('lumin_log_position', 'Position of the last event of the log.', () => relay?.head);
  read(Counter, 'lumin_log_changes_total', 'How often this process found that the log had lost events.', [], () =>
    sampleOf(sources.logChanges()),
  );
  gauge('lumin_relay_position', 'Position up to which the log is published.', () => relay?.position);
  gauge('lumin_relay_lag_events', 'Events that are not published yet.', () => relay?.lag);
  gauge('lumin_relay_lag_seconds', 'Age of the oldest event that is not published yet.', () => relay && (relay.lagging_ms ?? 0) / 1000);
  gauge('lumin_relay_has_leader', '1 where some process has the right to publish, else 0.', () => relay?.leader);
  gauge('lumin_relay_leading', '1 where this process has the right to publish, else 0.', () => sources.publishing()?.leading);
  gauge('lumin_relay_stream_ahead', '1 where the stream holds events that the log lost, else 0.', () => relay?.stream_ahead);
  gauge('lumin_relay_stream_drops_unread', '1 where the stream drops what a consumer has not read, else 0.', () => relay?.drops_unread);
  read(Counter, 'lumin_relay_published_events_total', 'Events published by this process.', [], () =>
    sampleOf(sources.publishing()?.published),
  );

  read(Counter, 'lumin_foreign_messages_total', 'Messages in NATS that were not ours, and not believed.', ['stream'], () =>
    Object.entries(sources.foreign()).map(([stream, value]) => ({ labels: { stream }, value })),
  );

  gauges('lumin_tasks', 'Unfinished tasks, by status.', 'status', () => {
    if (tasks === null) return {};
    const { queued, scheduled, running } = tasks;
    return { queued, scheduled, running };
  });
  gauge('lumin_task_oldest_due_seconds', 'For how long the oldest unfinished task has been due.', () => tasks?.oldest_due_seconds);
  gauge('lumin_search_skipped_events', 'Events that search cannot take in and goes on without, until a rebuild.', () => skipped);
  gauge('lumin_live_feed_clients', 'Clients that follow the live feed.', () => sources.liveClients());
  gauges('lumin_database_pool_connections', 'PostgreSQL connections of the pool, by state.', 'state', () => {
    const pool = sources.connections();
    return pool === null ? {} : { busy: pool.open - pool.idle, idle: pool.idle };
  });
  gauge('lumin_database_pool_waiting', 'Statements that wait for a connection of the pool.', () => sources.connections()?.waiting);

  const ended = (): void => {
    inProgress--;
  };
  return {
    /** Counts a request as in progress, until what it returns is called. */
    beginRequest: (): (() => void) => {
      inProgress++;
      return ended;
    },
    /** `route` is the pattern, never the URL. */
    observeRequest: (method: string, route: string, status: number, ms: number): void => {
      // The method that a route does not have is the client's choice.
      const known = status === 405 ? 'other' : method;
      requests.inc({ method: known, route, status });
      requestSeconds.observe({ method: known, route }, ms / 1000);
    },
    /** `outcome`: done, accepted (as a task), replayed, or the code of the problem. */
    countCommand: (command: string, outcome: string): void => commands.inc({ command, outcome }),
    /** `outcome`: done, or the code of the problem. */
    countTaskRun: (command: string, outcome: string): void => taskRuns.inc({ command, outcome }),
    countDeadTask: (): void => deadTasks.inc(),
    observeBatch: (size: number, ms: number): void => {
      batchChanges.observe(size);
      batchSeconds.observe(ms / 1000);
    },
    text: (): Promise<string> => ask().then(() => registry.metrics()),
  };
};

export type Metrics = ReturnType<typeof metrics>;

const sampleOf = (value: Value): Sample[] => (value == null ? [] : [{ value: Number(value) }]);
