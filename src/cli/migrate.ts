import { basename } from 'node:path';
import { OwnError } from '../domain/own-error.ts';
import { readConfig } from '../infrastructure/container/config.ts';
import { type Database, StoreFailure } from '../infrastructure/persistence/database/database.ts';
import { confirmed } from './confirmed.ts';
import type { CliContext } from './context.ts';
import { UsageError } from './usage-error.ts';

const SAID = { applied: 'applied', pending: 'pending', reverted: 'reverted', unknown: 'applied by a later release' };
const NO_TABLE = '42P01';

export type MigrateOptions = { direction: 'up' | 'down' | 'status'; yes?: boolean; loseTheLog?: boolean };

/** With `status`, pending steps are an error, so that a pipeline can ask. `down` is asked about: a step back may lose what was written. */
export const migrate = async (context: CliContext, options: MigrateOptions): Promise<void> => {
  const { json, write } = context;
  const { direction, yes, loseTheLog } = options;
  if (direction !== 'down' && (yes || loseTheLog)) throw new UsageError('--yes and --lose-the-log are for migrate down');
  await context.withStore(async (_, database) => {
    if (direction === 'down') await agreed(context, database, options);
    const steps = await database.migrate(direction);
    for (const step of steps) write(json ? JSON.stringify(step) : `${step.name} ${SAID[step.state]}`);
    if (steps.length === 0 && !json) write('nothing to do');
    const pending = steps.filter(({ state }) => state === 'pending').length;
    if (pending > 0) throw new OwnError(`steps of this release that the schema lacks: ${pending}; run npm run migrate`);
  }, 'owner');
};

/** Twice where the log is at stake: by `--lose-the-log`, and as for every step back. @throws OwnError */
const agreed = async ({ env }: CliContext, database: Database, { yes = false, loseTheLog = false }: MigrateOptions): Promise<void> => {
  const events = await eventsIn(database);
  const atStake = [
    ...(events > 0 ? [`the log of ${database.location} has ${events.toLocaleString('en-US')} ${events === 1 ? 'event' : 'events'}`] : []),
    ...(readConfig(env).APP_ENV === 'production' ? ['this is production (APP_ENV)'] : []),
  ];
  if (atStake.length > 0 && !loseTheLog) {
    throw new OwnError(
      `migrate down is refused, because ${atStake.join(', and ')}: a step back loses what it takes away, the first step the whole log. ` +
        'Make a backup (deploy/backup.sh create FILE), and say --lose-the-log where that is meant',
    );
  }
  const loss = events > 0 ? ', and what it takes away of its events is lost' : '';
  await confirmed(`the schema of ${database.location} goes one step back${loss}`, basename(database.location), yes);
};

const eventsIn = async (database: Database): Promise<number> => {
  try {
    const [head] = await database.query<{ position: number }>('select position from log_head');
    return head?.position ?? 0;
  } catch (error) {
    if (error instanceof StoreFailure && error.sqlstate === NO_TABLE) return 0;
    throw error;
  }
};
