import { OwnError } from '../domain/own-error.ts';
import type { Database } from '../infrastructure/persistence/database/database.ts';
import type { CliContext } from './context.ts';
import { eventsIn } from './events-in.ts';
import { agreedToLose, type LossFlags } from './loss.ts';
import { UsageError } from './usage-error.ts';

const SAID = { applied: 'applied', pending: 'pending', reverted: 'reverted', unknown: 'applied by a later release' };

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

const agreed = async ({ env }: CliContext, database: Database, flags: LossFlags): Promise<void> => {
  const { location } = database;
  const events = await eventsIn(database);
  await agreedToLose(
    env,
    {
      command: 'migrate down',
      location,
      events,
      why: 'a step back loses what it takes away, the first step the whole log. Make a backup (deploy/backup.sh create FILE)',
      question: `the schema of ${location} goes one step back${events > 0 ? ', and what it takes away of its events is lost' : ''}`,
    },
    flags,
  );
};
