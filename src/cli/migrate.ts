import { write } from './output.ts';
import { withStore } from './store.ts';
import { UsageError } from './usage-error.ts';

export const migrate = async ([direction = 'up', ...rest]: string[]): Promise<void> => {
  if (rest.length > 0 || (direction !== 'up' && direction !== 'down' && direction !== 'status')) {
    throw new UsageError('migrate takes up, down or status');
  }
  await withStore(async (_, database) => {
    const steps = await database.migrate(direction);
    for (const { name, state } of steps) write(`${name} ${state}`);
    if (steps.length === 0) write('nothing to do');
  });
};
