import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { v7 } from 'uuid';
import { commandNamed, isCommandName } from '../../application/commands/index.ts';
import { getById } from '../../application/queries/get-by-id.ts';
import { getHistory } from '../../application/queries/get-history.ts';
import { getProfile } from '../../application/queries/get-profile.ts';
import { getProfileViews } from '../../application/queries/get-profile-views.ts';
import { awaitTask, getTask } from '../../application/queries/get-task.ts';
import { listUsers } from '../../application/queries/list-users.ts';
import { userService } from '../../application/services/user-service.ts';
import type { ClaimedTask, TaskRef } from '../../application/tasks/task.ts';
import { runUserCommand } from '../../application/tasks/user-command.ts';
import { Problem, type ProblemCode } from '../../domain/problem.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';
import { authenticationCode } from '../authentication-code.ts';
import { userRepository } from '../cache/cached-user-repository.ts';
import { multiLevelCache } from '../cache/multi-level-cache.ts';
import { seenVersions } from '../cache/seen-versions.ts';
import { gate } from '../concurrency/gate.ts';
import { Poller } from '../concurrency/poller.ts';
import { openNats } from '../connections/nats.ts';
import { openRedis, type Redis } from '../connections/redis.ts';
import { LogFeed } from '../messaging/live-feed.ts';
import { type OutboxRelay, outboxRelay } from '../messaging/outbox-relay.ts';
import { metrics } from '../observability/metrics.ts';
import { type Database, UnusableDatabase } from '../persistence/database/database.ts';
import { asOwner, openDatabase } from '../persistence/database/open-database.ts';
import { retriedRead } from '../persistence/database/retried-read.ts';
import { toldDatabase } from '../persistence/database/told-database.ts';
import { type EventStore, eventStore } from '../persistence/event-store/event-store.ts';
import { storeWrites } from '../persistence/event-store/store-writes.ts';
import { UnitOfWork } from '../persistence/event-store/unit-of-work.ts';
import { eventFeed } from '../persistence/log/event-feed.ts';
import { relayStatus } from '../persistence/log/relay-checkpoint.ts';
import type { LogChange } from '../persistence/log/seen-event.ts';
import { searchIndex, skippedEvents } from '../persistence/read-model/search-index.ts';
import { profileViewRepository } from '../persistence/repositories/profile-view-repository.ts';
import { taskRepository, taskStatus } from '../persistence/repositories/task-repository.ts';
import { userList } from '../persistence/repositories/user-list.ts';
import { expiredBlocks } from '../tasks/expired-blocks.ts';
import { taskQueue } from '../tasks/task-queue.ts';
import { taskResults } from '../tasks/task-results.ts';
import { retrySeconds, taskRunner } from '../tasks/task-runner.ts';
import type { Config } from './config.ts';
import { healthReport } from './health.ts';
import { inWords } from './last-words.ts';
import { type Role, roleNamed } from './role.ts';
import { NotReady, troubles } from './troubles.ts';

const RETRY_START_MS = 1_000;
const PRUNE_MS = 60_000;
const SLOW_READS_WAITING = 256;
const SLOW_READS_WAIT_MS = 2_000;

type Options = {
  /** Everything, unless it is said. */
  role?: Role;
  /** The version of this release, for the metrics. */
  version?: string;
  /** Another clock, in a test. */
  now?: () => Date;
};

/** The whole application, put together: read from top to bottom. Time, ids and randomness come from here and nowhere else. */
export const buildApp = async (
  config: Config,
  log: Logger,
  { role = roleNamed('all', config), version = 'unknown', now = () => new Date() }: Options = {},
) => {
  const connections = config.DATABASE_POOL_SIZE + config.DATABASE_MAX_OVERFLOW;
  const { origins } = config;
  const say = (line: string): void => log.warn(line);
  const database = toldDatabase(await openDatabase(config.DATABASE_URL, connections, say, origins.DATABASE_URL), log);
  const processId = randomUUID();
  const { troubleWith, takesNoChanges, unserved, forget: forgetTroubles } = troubles(log, database.place);

  // Loaded only where there is a collector.
  const endpoint = config.OTEL_EXPORTER_OTLP_ENDPOINT;
  const tracing = endpoint
    ? (await import('../observability/tracing.ts')).openTracing({
        endpoint,
        sampler: config.OTEL_TRACES_SAMPLER,
        ratio: config.OTEL_TRACES_SAMPLER_ARG,
        resource: {
          'service.name': config.OTEL_SERVICE_NAME,
          'service.version': version,
          'service.instance.id': processId,
          'lumin.role': role.name,
        },
        away: troubleWith('the collector', {
          ...{ fails: 'takes no traces, and they are dropped', works: 'takes traces again' },
          server: { kind: 'collector', at: new URL(endpoint).host, user: '', database: '', setting: origins.OTEL_EXPORTER_OTLP_ENDPOINT },
        }),
      })
    : null;

  let secret = '';
  let generation = 0;
  /** A keyed hash in base64url: the same on every replica, and useless to whoever does not have the key. */
  const hash = (text: string): string => createHmac('sha256', secret).update(text).digest('base64url');
  const codeOf = (purpose: string) => authenticationCode(() => secret, purpose);
  /** Names this database where several share a Redis or a NATS. */
  const deployment = (): string => hash('deployment').slice(0, 12);

  const redisAt = (url: string, name: string, setting: string): Redis =>
    openRedis(url, {
      ...{ password: config.REDIS_PASSWORD, passwordSetting: origins.REDIS_PASSWORD },
      ...{ connections: config.REDIS_POOL_SIZE, log, name, setting },
    });
  const { REDIS_URL, NATS_URL, TASK_RESULT_BACKEND: resultsUrl, TASK_BROKER_URL: brokerUrl } = config;
  const redis = REDIS_URL === null ? null : redisAt(REDIS_URL, 'Redis', origins.REDIS_URL);
  const resultsRedis =
    resultsUrl === null || resultsUrl === REDIS_URL ? redis : redisAt(resultsUrl, 'Redis of task results', origins.TASK_RESULT_BACKEND);
  const nats = NATS_URL === null ? null : openNats(NATS_URL, log, { setting: origins.NATS_URL });
  const broker =
    brokerUrl === null || brokerUrl === NATS_URL
      ? nats
      : openNats(brokerUrl, log, { name: 'NATS of tasks', setting: origins.TASK_BROKER_URL });

  const storeBehindCache = eventStore(database, () => caches.log?.seen() ?? null);
  const loadMany = (userIds: UserId[]) => retriedRead(() => storeBehindCache.load(userIds));
  let logChanges = 0;
  const onOtherLog = (change: LogChange | null): void => {
    logChanges++;
    log.error(change ?? {}, change ? GONE_BACK : LOST);
    liveFeed.beginAgain();
  };
  const caches = multiLevelCache({
    database,
    loadMany,
    redis,
    deployment,
    code: codeOf('users in Redis'),
    onOtherLog,
    away: troubleWith('following the log'),
  });
  const reporting = seenVersions(caches.seen);
  const writes = storeWrites(storeBehindCache, takesNoChanges);
  const store = reporting.store(writes.store);
  const unitOfWork = new UnitOfWork(store, {
    observe: (size, ms) => measured.observeBatch(size, ms),
    tracing,
    onOtherLog: async () => caches.log?.follow(),
  });
  const users = userRepository(store, unitOfWork, caches.cache);
  // What may be slow leaves connections to the rest. The embedded database has one for everything.
  const slowReads = gate({
    atOnce: database.exclusive ? 1 : Math.ceil(connections / 4),
    waiting: SLOW_READS_WAITING,
    waitMs: SLOW_READS_WAIT_MS,
  });
  const views = profileViewRepository(database, slowReads);
  const search = searchIndex({
    database,
    away: troubleWith('taking events into the search'),
    onSkipped: (checkpoint, position, error) =>
      log.error(
        { err: error, checkpoint, position },
        'an event cannot be searched in; search goes on without it until npm run lumin rebuild',
      ),
  });
  const feed = eventFeed(database, config.EVENTS_PERSONAL);
  const liveFeed = new LogFeed(reporting.feed(feed), caches.goneBack, troubleWith('the live feed'));
  let relay: OutboxRelay | null = null;

  const tasks = taskRepository(database);
  // A restored backup has another generation: tasks that had ended are open in it again.
  const resultsOf = (): string =>
    `${deployment()}:${database.exclusive ? generation : (caches.generation() ?? processId)}:${database.server()}`;
  let rejectedResults = 0;
  const results =
    resultsRedis &&
    taskResults({
      tasks,
      redis: resultsRedis,
      deployment: resultsOf,
      code: codeOf('task results'),
      now,
      onRejected: () => rejectedResults++,
    });
  const findTask = reporting.tasks(results ?? tasks, (name) => isCommandName(name) && commandNamed(name).view !== undefined);
  const { NATS_STREAM: stream, NATS_SUBJECT_PREFIX: subjectPrefix } = config;
  const queue =
    broker &&
    taskQueue({
      nats: broker,
      stream: `${stream}-tasks`,
      subjectPrefix,
      code: codeOf('tasks in NATS'),
      tracing,
      away: troubleWith('sending calls to task workers', { server: broker.place }),
      warn: say,
    });
  const wake = (task: TaskRef): void => {
    if (!queue?.offer(task)) runner.wake();
  };
  const service = userService({ users, tasks: findTask, now, newUuid: randomUUID, randomBytes, wake });
  const counting =
    (run: typeof service.execute, count: (command: string, outcome: string) => void, outcome = 'done'): typeof service.execute =>
    async (request) => {
      try {
        const answer = await run(request);
        count(request.command, answer.replayed ? 'replayed' : outcome);
        return answer;
      } catch (error) {
        count(request.command, error instanceof Problem ? error.code : 'internal-error');
        throw error;
      }
    };
  const forTasks = { ...service, execute: counting(service.execute, (command, outcome) => measured.countTaskRun(command, outcome)) };
  const runCommand = runUserCommand(forTasks, tasks, retrySeconds, (task, problem, error) => {
    measured.countDeadTask();
    log.error({ err: error, task_id: task.task_id, command: task.command, code: problem.code }, 'a task was given up');
    queue?.dead(task, problem);
  });
  /** One line a task, which names the command and the task, and nobody. */
  const runTask = async (task: ClaimedTask): Promise<void> => {
    const started = performance.now();
    const ended = (outcome: string): void => {
      const ms = Math.round((performance.now() - started) * 10) / 10;
      log.info({ task_id: task.task_id, command: task.command, outcome, attempt: task.attempts, ms }, 'task');
    };
    await runCommand(task).then(ended, (error) => {
      ended('tried again later');
      throw error;
    });
  };
  const forWork = {
    tasks,
    run: tracing ? (task: ClaimedTask) => tracing.task(task, () => runTask(task)) : runTask,
    owner: processId,
  };
  const onEnded = (taskId: string): void => results?.ended(taskId);
  const runner = taskRunner({ ...forWork, queue, onEnded, away: troubleWith('running tasks', { server: broker?.place }) });
  const blocks = expiredBlocks({ ...forWork, away: troubleWith('ending blocks') });
  const pruning = new Poller(tasks.prune, PRUNE_MS, troubleWith('removing what is old'));

  const readiness = troubleWith('the database', { fails: 'is not ready', works: 'is ready' });
  let state: 'starting' | 'serving' | 'stopping' = 'starting';
  let startCode: ProblemCode = 'starting';
  const startProblem = (): Problem | null => (state === 'starting' ? new Problem(startCode) : null);

  /** @throws Problem while the process cannot serve: starting, stopping, or without its store */
  const checkReady = async (): Promise<void> => {
    if (state === 'stopping') throw new Problem('shutting-down');
    const unready = startProblem();
    if (unready) throw unready;
    const ours = await database.ping().catch((cause) => {
      throw new Problem('store-unavailable', {}, { cause });
    });
    if (ours) return readiness.over();
    readiness.report(new NotReady(GONE));
    throw new Problem('store-unavailable');
  };
  const relayState = () => relayStatus(database);
  const taskState = () => taskStatus(database);
  const oldestDueSeconds = async (): Promise<number> => (await taskState()).oldest_due_seconds;
  const health = healthReport({ checkReady, writes: writes.state, redis, nats, broker, relayStatus: relayState, oldestDueSeconds });
  const measured = metrics({
    build: { version, role: role.name },
    state: () => state,
    ping: database.ping,
    writable: () => writes.state() === 'ok',
    servers: { redis: redis?.available, nats: nats && (() => nats.connection() !== null) },
    relay: nats && relayState,
    publishing: () => relay?.status() ?? null,
    tasks: taskState,
    skipped: () => skippedEvents(database),
    cache: () => ({ ...caches.counts(), rejected: caches.counts().rejected + rejectedResults }),
    foreign: () => ({ ...(relay && { events: relay.foreign() }), ...(queue && role.tasks && { tasks: queue.foreign() }) }),
    logChanges: () => logChanges,
    connections: database.connections,
    liveClients: () => liveFeed.readers(),
  });

  const prepare = async (): Promise<void> => {
    await database.check();
    if (config.MIGRATE_ON_START) {
      for (const { name } of await asOwner(config, database, (owner) => owner.migrate('up'))) log.info(`applied migration ${name}`);
    } else if ((await database.migrate('status')).some((step) => step.state === 'pending')) {
      throw new NotReady('the database schema is not up to date; run npm run migrate');
    }
    const [row] = await database.query<{ secret: string; generation: number }>('select secret, generation from deployment');
    ({ secret, generation } = row ?? { secret, generation });
    // No other process has this data open, so the process that held these tasks is gone.
    if (database.exclusive) await tasks.releaseAll();
    await caches.prepare();
    if (state !== 'starting') return;
    readiness.over();
    state = 'serving';
    caches.start();
    pruning.start();
    writes.looking.start();
    if (role.api) {
      search.start();
      blocks.start();
    }
    if (role.tasks) runner.start();
    if (role.outbox && nats) {
      const code = codeOf('events in NATS');
      relay = outboxRelay({ feed, database, nats, stream, subjectPrefix, deployment: deployment(), code, owner: processId, tracing, log });
      relay.start();
    }
  };

  /** The generation of the read model; the one at the start stays part of the names in Redis. */
  const readModel = async (): Promise<number | undefined> =>
    (await database.query<{ generation: number }>('select generation from deployment'))[0]?.generation;

  const prepareUntilItWorks = async (): Promise<void> => {
    while (state === 'starting') {
      try {
        await prepare();
      } catch (error) {
        if (database.exclusive) throw error;
        readiness.report(error);
        // The try may have failed for another reason, a schema that is not there yet for one.
        startCode = await database.ping().then(
          () => 'starting' as const,
          () => 'store-unavailable' as const,
        );
        await sleep(RETRY_START_MS);
      }
    }
  };

  const stopWork = async (): Promise<void> => {
    await Promise.all([runner.stop(), blocks.stop(), relay?.stop()]);
  };

  return {
    execute: counting(service.execute, measured.countCommand),
    accept: counting(service.accept, measured.countCommand, 'accepted'),
    getById: getById(users),
    getHistory: getHistory(users),
    getProfile: getProfile(users, views),
    getProfileViews: getProfileViews(users, views),
    listUsers: listUsers(userList(store, slowReads)),
    getTask: getTask(findTask),
    awaitTask: awaitTask(findTask),
    liveFeed,
    traces: tracing,
    now,
    newUserId: v7,
    location: database.location,

    /** The folder of the embedded database, which no other process can open; null where the data is elsewhere. */
    folder: database.exclusive && config.DATABASE_URL.kind === 'pglite' && config.DATABASE_URL.folder !== null ? database.location : null,

    /** Lends its database to a command of the operator. */
    withStore: async <T>(work: (store: EventStore, database: Database) => Promise<T>): Promise<T> => {
      const before = await readModel();
      try {
        return await work(eventStore(database), database);
      } catch (error) {
        throw inWords(error, database.place);
      } finally {
        // A rebuild changes rows without events.
        if ((await readModel().catch(() => null)) !== before) caches.cache.forget();
      }
    },

    hash,

    /**
     * Embedded: ready when it returns. PostgreSQL: goes on trying in the background, answering 503 until it is there.
     * @throws NotReady where no waiting helps
     */
    async start(): Promise<void> {
      await database.check().catch((error) => {
        if (error instanceof UnusableDatabase && error.lasting) throw inWords(error, database.place);
      });
      const preparing = prepareUntilItWorks();
      if (!database.exclusive) return;
      await preparing.catch((error) => {
        throw inWords(error, database.place);
      });
    },

    state: () => state,

    startProblem,

    /** What it has begun to listen without, for people. */
    without: (): string[] => [
      ...(state === 'starting' ? [`not ready: ${readiness.reason()?.text ?? `waiting for ${database.location}`}`] : []),
      ...Object.entries({ Redis: redis, NATS: nats, 'Redis of task results': resultsRedis, 'NATS of tasks': broker })
        .filter(([, server], index, all) => server?.reason() && all.findIndex(([, other]) => other === server) === index)
        .map(([name]) => `without ${name} until it is there`),
    ],

    checkReady,

    health,
    metrics: measured.text,
    unserved,
    beginRequest: measured.beginRequest,
    observeRequest: measured.observeRequest,

    /** Takes nothing more in; what is under way goes on. */
    beginStop(): void {
      state = 'stopping';
      database.beginStop();
    },

    /** Ends the tasks and the relay's page that are under way, and leaves the rest to other processes at once. */
    stopWork,

    /** Finishes what was taken in, then lets go of everything, in reverse order. */
    async stop(): Promise<void> {
      state = 'stopping';
      await Promise.all([stopWork(), search.stop(), pruning.stop(), writes.looking.stop(), liveFeed.stop(), caches.stop()]);
      await unitOfWork.close();
      await Promise.all([...new Set([nats, broker, redis, resultsRedis, tracing])].map((connection) => connection?.close()));
      await database.close();
      forgetTroubles();
    },
  };
};

const GONE =
  'tables or functions of this release are gone: its schema was taken back (migrate down), or another database is at the address; ' +
  'run npm run migrate, or correct DATABASE_URL, and restart every process';
const GONE_BACK =
  'the log has gone back: it no longer has the event that this process saw at the position "seen", and ends at "head". What was remembered ' +
  'of it is forgotten, and live clients are told to begin again; docs/operations.md, Failover';
const LOST =
  'changes that this process has seen are no longer in the database. What was remembered is forgotten, and live clients are told to ' +
  'begin again; docs/operations.md, Failover';

export type App = Awaited<ReturnType<typeof buildApp>>;
