import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { v7 } from 'uuid';
import { getById } from '../../application/queries/get-by-id.ts';
import { getHistory } from '../../application/queries/get-history.ts';
import { awaitTask, getTask } from '../../application/queries/get-task.ts';
import { userService } from '../../application/services/user-service.ts';
import { runUserCommand } from '../../application/tasks/user-commands.ts';
import { Problem } from '../../domain/problem.ts';
import { available } from '../persistence/available.ts';
import type { Database } from '../persistence/database.ts';
import { eventStore } from '../persistence/event-store.ts';
import { taskRepository } from '../persistence/task-repository.ts';
import { UnitOfWork } from '../persistence/unit-of-work.ts';
import { userRepository } from '../persistence/user-repository.ts';
import { TaskRunner } from '../tasks/task-runner.ts';
import type { Config, DatabaseUrl } from './config.ts';

const RETRY_START_MS = 1_000;

export const openDatabase = async (at: DatabaseUrl, maxConnections: number): Promise<Database> => {
  if (at.kind === 'pglite') return (await import('../persistence/pglite.ts')).openPglite(at.folder);
  return (await import('../persistence/postgres.ts')).openPostgres(at.url, maxConnections);
};

/** What is different in a test. */
export type Overrides = { now?: () => Date };

/** The whole application, put together: read from top to bottom. Time, ids and randomness come from here and nowhere else. */
export const buildApp = async (config: Config, log: Logger, { now = () => new Date() }: Overrides = {}) => {
  const database = await openDatabase(config.DATABASE_URL, config.DATABASE_POOL_SIZE + config.DATABASE_MAX_OVERFLOW);
  const store = eventStore(database);
  const unitOfWork = new UnitOfWork(store);
  const users = userRepository(store, unitOfWork);
  const tasks = taskRepository(database);
  const service = userService({ users, tasks, now, newUuid: randomUUID, randomBytes, wake: () => runner.wake() });
  const runner = new TaskRunner({
    tasks,
    run: runUserCommand(service, tasks, Math.random),
    owner: randomUUID(),
    onError: (error) => log.warn({ err: error }, 'a task did not run through; it is tried again'),
  });

  let state: 'starting' | 'serving' | 'stopping' = 'starting';
  let secret = '';

  const prepare = async (): Promise<void> => {
    if (config.MIGRATE_ON_START) {
      for (const { name } of await database.migrate('up')) log.info(`applied migration ${name}`);
    } else if ((await database.migrate('status')).some((step) => step.state === 'pending')) {
      throw new Error('the schema is not up to date; run npm run migrate');
    }
    const [deployment] = await database.query<{ secret: string }>('select secret from deployment');
    secret = deployment?.secret ?? '';
    // Nobody else has this data, so whoever held these tasks is gone.
    if (database.exclusive) await tasks.releaseAll();
    if (state !== 'starting') return;
    state = 'serving';
    runner.start();
  };

  const prepareUntilItWorks = async (): Promise<void> => {
    while (state === 'starting') {
      try {
        await prepare();
      } catch (error) {
        if (database.exclusive) throw error;
        log.warn({ err: error }, 'the database is not ready; trying again');
        await sleep(RETRY_START_MS);
      }
    }
  };

  return {
    execute: service.execute,
    accept: service.accept,
    getById: getById(users),
    getHistory: getHistory(users),
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
      await runner.stop();
      await unitOfWork.close();
      await database.close();
    },
  };
};

export type App = Awaited<ReturnType<typeof buildApp>>;
