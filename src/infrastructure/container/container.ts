import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { v7 } from 'uuid';
import { getById } from '../../application/queries/get-by-id.ts';
import { getHistory } from '../../application/queries/get-history.ts';
import { getProfile } from '../../application/queries/get-profile.ts';
import { getProfileViews } from '../../application/queries/get-profile-views.ts';
import { awaitTask, getTask } from '../../application/queries/get-task.ts';
import { listUsers } from '../../application/queries/list-users.ts';
import { userService } from '../../application/services/user-service.ts';
import { runUserCommand } from '../../application/tasks/user-commands.ts';
import { Problem } from '../../domain/problem.ts';
import type { StoredUser } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';
import { LogInvalidation } from '../cache/log-invalidation.ts';
import { userCache } from '../cache/user-cache.ts';
import { available } from '../persistence/available.ts';
import { coalesce } from '../persistence/coalesce.ts';
import type { Database } from '../persistence/database.ts';
import { eventStore } from '../persistence/event-store.ts';
import { profileViewRepository } from '../persistence/profile-view-repository.ts';
import { searchIndex } from '../persistence/search-index.ts';
import { taskRepository } from '../persistence/task-repository.ts';
import { UnitOfWork } from '../persistence/unit-of-work.ts';
import { userList } from '../persistence/user-list.ts';
import { userRepository } from '../persistence/user-repository.ts';
import { taskRunner } from '../tasks/task-runner.ts';
import type { Config, DatabaseUrl } from './config.ts';

const RETRY_START_MS = 1_000;
/** The longest that a cached user is served where other processes write too, should all else fail. */
const CACHE_MS = 2_000;

export const openDatabase = async (at: DatabaseUrl, maxConnections: number): Promise<Database> => {
  if (at.kind === 'pglite') return (await import('../persistence/pglite.ts')).openPglite(at.folder);
  return (await import('../persistence/postgres.ts')).openPostgres(at.url, maxConnections);
};

/** What an operator has to mend before the service can serve; the message says what. */
export class NotReady extends Error {}

/** What is different in a test. */
export type Overrides = { now?: () => Date };

/** The whole application, put together: read from top to bottom. Time, ids and randomness come from here and nowhere else. */
export const buildApp = async (config: Config, log: Logger, { now = () => new Date() }: Overrides = {}) => {
  const database = await openDatabase(config.DATABASE_URL, config.DATABASE_POOL_SIZE + config.DATABASE_MAX_OVERFLOW);
  const store = eventStore(database);
  const unitOfWork = new UnitOfWork(store);
  const load = coalesce<UserId, StoredUser>((userIds) => available(() => store.load(userIds)));
  const onError = (error: unknown): void => log.warn({ err: error }, 'background work failed; it is tried again');
  const invalidation = database.exclusive ? null : new LogInvalidation(database, onError);
  const cache = userCache({ load, maxAgeMs: database.exclusive ? 0 : CACHE_MS, trusted: invalidation?.trusted ?? (() => true) });
  const users = userRepository(store, unitOfWork, cache);
  const views = profileViewRepository(database);
  const search = searchIndex(database, store, onError);
  const tasks = taskRepository(database);
  const service = userService({ users, tasks, now, newUuid: randomUUID, randomBytes, wake: () => runner.wake() });
  const runner = taskRunner({
    tasks,
    run: runUserCommand(service, tasks, Math.random),
    owner: randomUUID(),
    onError,
  });

  let state: 'starting' | 'serving' | 'stopping' = 'starting';
  let secret = '';

  const prepare = async (): Promise<void> => {
    if (config.MIGRATE_ON_START) {
      for (const { name } of await database.migrate('up')) log.info(`applied migration ${name}`);
    } else if ((await database.migrate('status')).some((step) => step.state === 'pending')) {
      throw new NotReady('the database schema is not up to date; run npm run migrate');
    }
    const [deployment] = await database.query<{ secret: string }>('select secret from deployment');
    secret = deployment?.secret ?? '';
    // Nobody else has this data, so whoever held these tasks is gone.
    if (database.exclusive) await tasks.releaseAll();
    if (state !== 'starting') return;
    state = 'serving';
    invalidation?.start(cache);
    search.start();
    runner.start();
  };

  const prepareUntilItWorks = async (): Promise<void> => {
    while (state === 'starting') {
      try {
        await prepare();
      } catch (error) {
        if (database.exclusive) throw error;
        log.warn({ err: error }, error instanceof NotReady ? error.message : 'the database is not ready; trying again');
        await sleep(RETRY_START_MS);
      }
    }
  };

  return {
    execute: service.execute,
    accept: service.accept,
    getById: getById(users),
    getHistory: getHistory(users),
    getProfile: getProfile(users, views),
    getProfileViews: getProfileViews(users, views),
    listUsers: listUsers(userList(store)),
    getTask: getTask(tasks),
    awaitTask: awaitTask(tasks),
    now,
    newUserId: v7,
    location: database.location,

    /** A keyed hash in base64url: the same on every replica, and useless to whoever does not have the key. */
    hash: (text: string): string => createHmac('sha256', secret).update(text).digest('base64url'),

    /** Embedded: ready when it returns. PostgreSQL: goes on trying in the background, answering 503 until it is there. */
    async start(): Promise<void> {
      const preparing = prepareUntilItWorks();
      if (database.exclusive) await preparing;
    },

    state: () => state,

    /** @throws Problem while the process cannot serve: starting, stopping, or without its store */
    async checkReady(): Promise<void> {
      if (state === 'stopping') throw new Problem('shutting-down');
      if (state === 'starting') throw new Problem('store-unavailable');
      await available(() => database.query('select 1'));
    },

    /** Takes nothing more in; what is under way goes on. */
    beginStop(): void {
      state = 'stopping';
    },

    /** Finishes what was taken in, then lets go of everything, in reverse order. */
    async stop(): Promise<void> {
      state = 'stopping';
      await Promise.all([runner.stop(), search.stop(), invalidation?.stop()]);
      await unitOfWork.close();
      await database.close();
    },
  };
};

export type App = Awaited<ReturnType<typeof buildApp>>;
