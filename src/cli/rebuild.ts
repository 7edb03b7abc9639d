import { rebuild as run } from '../infrastructure/persistence/read-model/rebuild.ts';
import type { CliContext } from './context.ts';

export const rebuild = (context: CliContext): Promise<void> =>
  context.withStore(async (store, database) => {
    const { terminal, write } = context;
    const users = await run(database, store, (done, total) => {
      if (terminal) context.progress(`${done} of ${total} users`);
      else write(JSON.stringify({ done, total }));
    });
    write(terminal ? `${users} users rebuilt from the log` : JSON.stringify({ rebuilt: users }));
  });
