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
import { userRepository } from '../cache/cached-user-repository.ts';
import { multiLevelCache } from '../cache/multi-level-cache.ts';
import { seenVersions } from '../cache/seen-versions.ts';
import { outage } from '../concurrency/outage.ts';
import { type Nats, openNats } from '../connections/nats.ts';
import { openRedis, type Redis } from '../connections/redis.ts';
import { LogFeed } from '../messaging/live-feed.ts';
import { type OutboxRelay, outboxRelay } from '../messaging/outbox-relay.ts';
import { metrics } from '../observability/metrics.ts';
import { StoreFailure, UnusableDatabase } from '../persistence/database/database.ts';
import { openDatabase } from '../persistence/database/open-database.ts';
import { retriedRead } from '../persistence/database/retried-read.ts';
import { eventStore } from '../persistence/event-store/event-store.ts';
import { UnitOfWork } from '../persistence/event-store/unit-of-work.ts';
import { eventFeed } from '../persistence/log/event-feed.ts';
import { relayStatus } from '../persistence/log/relay-checkpoint.ts';
import { searchIndex } from '../persistence/read-model/search-index.ts';
import { profileViewRepository } from '../persistence/repositories/profile-view-repository.ts';
import { taskRepository, taskStatus } from '../persistence/repositories/task-repository.ts';
import { userList } from '../persistence/repositories/user-list.ts';
import { expiredBlocks } from '../tasks/expired-blocks.ts';
import { taskQueue } from '../tasks/task-queue.ts';
import { taskResults } from '../tasks/task-results.ts';
import { retrySeconds, taskRunner } from '../tasks/task-runner.ts';
import type { Config } from './config.ts';
import { healthReport } from './health.ts';
import { type Role, roleNamed } from './role.ts';

const RETRY_START_MS = 1_000;

/** What an operator has to mend before the service can serve; the message says what. */
export class NotReady extends Error {}

type Options = {
  /** Everything, unless it is said. */
  role?: Role;
  /** Of this release, for the metrics. */
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
  const database = await openDatabase(config.DATABASE_URL, config.DATABASE_POOL_SIZE + config.DATABASE_MAX_OVERFLOW);
  const processId = randomUUID();
  const onError = (error: unknown): void => log.warn({ err: error }, 'background work failed; it is tried again');
  const reportAway =
    (name: string) =>
    (error: unknown): void =>
      log.warn({ err: error }, `${name} cannot be reached; trying again`);

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
        onError: (error) => log.warn({ err: error }, 'the collector takes no traces; they are dropped until it does'),
      })
    : null;

  let secret = '';
  let generation = 0;
  /** A keyed hash in base64url: the same on every replica, and useless to whoever does not have the key. */
  const hash = (text: string): string => createHmac('sha256', secret).update(text).digest('base64url');
  /** Names this database where several share a Redis or a NATS. */
  const deployment = (): string => hash('deployment').slice(0, 12);

  const redisAt = (url: string): Redis =>
    openRedis(url, { password: config.REDIS_PASSWORD, connections: config.REDIS_POOL_SIZE, onError: reportAway('Redis') });
  const { REDIS_URL, NATS_URL, TASK_RESULT_BACKEND: resultsUrl, TASK_BROKER_URL: brokerUrl } = config;
  const redis = REDIS_URL === null ? null : redisAt(REDIS_URL);
  const resultsRedis = resultsUrl === null || resultsUrl === REDIS_URL ? redis : redisAt(resultsUrl);
  const natsAt = (url: string): Nats => openNats(url, reportAway('NATS'));
  const nats = NATS_URL === null ? null : natsAt(NATS_URL);
  const broker = brokerUrl === null || brokerUrl === NATS_URL ? nats : natsAt(brokerUrl);

  const storeBehindCache = eventStore(database);
  const loadMany = (userIds: UserId[]) => retriedRead(() => storeBehindCache.load(userIds));
  const caches = multiLevelCache({ database, loadMany, redis, deployment, hash, onError });
  const reporting = seenVersions(caches.seen);
  const store = reporting.store(storeBehindCache);
  const unitOfWork = new UnitOfWork(store, (size, ms) => measured.observeBatch(size, ms), tracing);
  const users = userRepository(store, unitOfWork, caches.cache);
  const views = profileViewRepository(database);
  const search = searchIndex(database, storeBehindCache, onError);
  const feed = eventFeed(database, config.EVENTS_PERSONAL);
  const liveFeed = new LogFeed(reporting.feed(feed), onError);
  let relay: OutboxRelay | null = null;

  const tasks = taskRepository(database);
  // In a restored backup, tasks that had ended have not: its generation is another one.
  const resultsOf = (): string => `${deployment()}:${generation}`;
  const results = resultsRedis && taskResults({ tasks, redis: resultsRedis, deployment: resultsOf });
  const findTask = reporting.tasks(results ?? tasks, (name) => isCommandName(name) && commandNamed(name).view !== undefined);
  const { NATS_STREAM: stream, NATS_SUBJECT_PREFIX: subjectPrefix } = config;
  const queue = broker && taskQueue({ nats: broker, stream: `${stream}-tasks`, subjectPrefix, tracing, onError });
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
  const runTask = runUserCommand(forTasks, tasks, retrySeconds, (task, problem, error) => {
    measured.countDeadTask();
    log.error({ err: error, task_id: task.task_id, command: task.command, code: problem.code }, 'a task was given up');
    queue?.dead(task, problem);
  });
  const forWork = {
    tasks,
    run: tracing ? (task: ClaimedTask) => tracing.task(task, () => runTask(task)) : runTask,
    owner: processId,
    onError,
  };
  const runner = taskRunner({ ...forWork, queue, onEnded: (taskId) => results?.ended(taskId) });
  const blocks = expiredBlocks(forWork);

  let state: 'starting' | 'serving' | 'stopping' = 'starting';
  let startCode: ProblemCode = 'starting';
  const startProblem = (): Problem | null => (state === 'starting' ? new Problem(startCode) : null);

  /** @throws Problem while the process cannot serve: starting, stopping, or without its store */
  const checkReady = async (): Promise<void> => {
    if (state === 'stopping') throw new Problem('shutting-down');
    const unready = startProblem();
    if (unready) throw unready;
    try {
      await database.ping();
      unusable.over();
    } catch (cause) {
      if (cause instanceof UnusableDatabase) unusable.report(cause);
      throw new Problem('store-unavailable', {}, { cause });
    }
  };
  const relayState = () => relayStatus(database);
  const health = healthReport({ checkReady, redis, nats, broker, relayStatus: relayState });
  const measured = metrics({
    build: { version, role: role.name },
    state: () => state,
    ping: database.ping,
    servers: { redis: redis?.available, nats: nats && (() => nats.connection() !== null) },
    relay: nats && relayState,
    publishing: () => relay?.status() ?? null,
    tasks: () => taskStatus(database),
    cache: caches.counts,
    connections: database.connections,
    liveClients: () => liveFeed.readers(),
  });

  // What an operator has to mend is said in words; of all else the error is shown.
  const isForOperator = (error: unknown): error is Error => error instanceof NotReady || error instanceof UnusableDatabase;
  const unusable = outage(
    (error) => (isForOperator(error) ? log.warn(error.message) : log.warn({ err: error }, 'the database is not ready; trying again')),
    (error) => (error instanceof StoreFailure || isForOperator(error) ? error.message : String((error as { code?: string }).code)),
  );

  const prepare = async (): Promise<void> => {
    await database.check();
    if (config.MIGRATE_ON_START) {
      for (const { name } of await database.migrate('up')) log.info(`applied migration ${name}`);
    } else if ((await database.migrate('status')).some((step) => step.state === 'pending')) {
      throw new NotReady('the database schema is not up to date; run npm run migrate');
    }
    const [row] = await database.query<{ secret: string; generation: number }>('select secret, generation from deployment');
    ({ secret, generation } = row ?? { secret, generation });
    // No other process has this data open, so the process that held these tasks is gone.
    if (database.exclusive) await tasks.releaseAll();
    await caches.prepare();
    if (state !== 'starting') return;
    state = 'serving';
    caches.start();
    if (role.api) {
      search.start();
      blocks.start();
    }
    if (role.tasks) runner.start();
    if (role.outbox && nats) {
      relay = outboxRelay({ feed, database, nats, stream, subjectPrefix, deployment: deployment(), owner: processId, tracing, log });
      relay.start();
    }
  };

  const prepareUntilItWorks = async (): Promise<void> => {
    while (state === 'starting') {
      try {
        await prepare();
      } catch (error) {
        if (database.exclusive) throw error;
        unusable.report(error);
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
    listUsers: listUsers(userList(store)),
    getTask: getTask(findTask),
    awaitTask: awaitTask(findTask),
    liveFeed,
    traces: tracing,
    now,
    newUserId: v7,
    location: database.location,

    hash,

    /**
     * Embedded: ready when it returns. PostgreSQL: goes on trying in the background, answering 503 until it is there.
     * @throws NotReady where no waiting helps
     */
    async start(): Promise<void> {
      await database.check().catch((error) => {
        if (error instanceof UnusableDatabase && error.lasting) throw new NotReady(error.message);
      });
      const preparing = prepareUntilItWorks();
      if (database.exclusive) await preparing;
    },

    state: () => state,

    startProblem,

    checkReady,

    health,
    metrics: measured.text,
    beginRequest: measured.beginRequest,
    observeRequest: measured.observeRequest,

    /** Takes nothing more in; what is under way goes on. */
    beginStop(): void {
      state = 'stopping';
    },

    /** Ends the tasks and the relay's page that are under way, and leaves the rest to other processes at once. */
    stopWork,

    /** Finishes what was taken in, then lets go of everything, in reverse order. */
    async stop(): Promise<void> {
      state = 'stopping';
      await Promise.all([stopWork(), search.stop(), liveFeed.stop(), caches.stop()]);
      await unitOfWork.close();
      await Promise.all([...new Set([nats, broker, redis, resultsRedis, tracing])].map((connection) => connection?.close()));
      await database.close();
    },
  };
};

export type App = Awaited<ReturnType<typeof buildApp>>;
