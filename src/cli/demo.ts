import { OwnError } from '../domain/own-error.ts';
import { readConfig } from '../infrastructure/container/config.ts';
import type { Database } from '../infrastructure/persistence/database/database.ts';
import { asOwner } from '../infrastructure/persistence/database/open-database.ts';
import type { CliContext } from './context.ts';
import { histories } from './demo/histories.ts';
import { liveThrough } from './demo/live-through.ts';
import { somePeople } from './demo/people.ts';
import { seededRandom } from './demo/random.ts';
import { eventsIn } from './events-in.ts';
import { counted } from './loss.ts';

/** Fills an empty database with people who have a past, by the commands that requests run. The same seed makes the same people. */
export const demo = async (context: CliContext, { users, seed }: { users: number; seed: number }): Promise<void> => {
  const config = readConfig(context.env);
  if (config.APP_ENV === 'production') throw new OwnError('demo is refused, because this is production (APP_ENV)');
  await context.withStore(async (store, database) => {
    await prepare(config, database);
    const started = performance.now();
    const now = new Date();
    const random = seededRandom(seed);
    const people = somePeople(random, users, now);
    const steps = histories(random, people, now);
    await liveThrough(database, store, steps, {
      signal: context.signal,
      done: (count) => context.progress(`${count.toLocaleString('en-US')} of ${steps.length.toLocaleString('en-US')} commands`),
    });
    await tell(context, database, { seed, seconds: (performance.now() - started) / 1_000, port: config.PORT });
  });
};

/** @throws OwnError where there is a log already */
const prepare = async (config: ReturnType<typeof readConfig>, database: Database): Promise<void> => {
  const events = await eventsIn(database);
  if (events > 0) {
    const other = database.exclusive
      ? 'npm run lumin -- reset empties it, and DATABASE_URL=pglite://.lumin/demo is another folder'
      : 'name an empty one in DATABASE_URL';
    throw new OwnError(`demo fills an empty database, and the log of ${database.location} has ${counted(events)}; ${other}`);
  }
  if (config.MIGRATE_ON_START) await asOwner(config, database, (owner) => owner.migrate('up'));
  else if ((await database.migrate('status')).some(({ state }) => state === 'pending'))
    throw new OwnError('the database schema is not up to date; run npm run migrate');
};

type Counts = Record<string, number>;
type Run = { seed: number; seconds: number; port: number };

const tell = async (context: CliContext, database: Database, { seed, seconds, port }: Run): Promise<void> => {
  const events = await eventsIn(database);
  const statuses = await countsBy(database, 'users');
  const tasks = await countsBy(database, 'tasks');
  const look = await worthALook(database);
  const users = Object.values(statuses).reduce((sum, count) => sum + count, 0);
  if (!context.terminal)
    return context.write(JSON.stringify({ seed, seconds: Number(seconds.toFixed(1)), users, events, statuses, tasks, look }));
  const { dim } = context.paint;
  const listed = (counts: Counts): string =>
    Object.entries(counts)
      .map(([name, count]) => `${count.toLocaleString('en-US')} ${name}`)
      .join(', ');
  context.write(
    `${users.toLocaleString('en-US')} people and ${events.toLocaleString('en-US')} events in ${seconds.toFixed(1)} s ${dim(`(seed ${seed})`)}`,
  );
  context.write(`${dim('people')}  ${listed(statuses)}`);
  context.write(`${dim('tasks ')}  ${listed(tasks)}`);
  context.write(dim('Have a look:'));
  const lines = [
    'npm run lumin -- users list --status blocked',
    `npm run lumin -- events --user ${look.longest_history}`,
    `curl localhost:${port}/api/users/${look.most_viewed}/profile-views`,
    ...(look.failed_task ? [`curl localhost:${port}/api/users/tasks/${look.failed_task}`] : []),
  ];
  for (const line of lines) context.write(line);
};

const countsBy = async (database: Database, table: 'users' | 'tasks'): Promise<Counts> => {
  const rows = await database.query<{ status: string; count: number }>(
    `select status, count(*) from ${table} group by status order by count(*) desc, status`,
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
};

type Look = { longest_history: string; most_viewed: string | null; failed_task: string | null };

const worthALook = async (database: Database): Promise<Look> => {
  const [row] = await database.query<Look>(
    `select (select user_id from users where status <> 'deleted' order by version desc, user_id limit 1) as longest_history,
       (select c.user_id from profile_view_counts c join users u using (user_id) where u.status <> 'deleted' order by c.count desc, user_id limit 1) as most_viewed,
       (select task_id from tasks where status = 'failed' order by created_at limit 1) as failed_task`,
  );
  return row as Look;
};
