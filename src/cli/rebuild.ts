import process from 'node:process';
import { rebuild as run } from '../infrastructure/persistence/read-model/rebuild.ts';
import { isTerminal, write } from './output.ts';
import { withStore } from './store.ts';

export const rebuild = (): Promise<void> =>
  withStore(async (store, database) => {
    const users = await run(database, store, (done, total) => {
      if (isTerminal()) process.stdout.write(`\r${done} of ${total} users`);
      else write(JSON.stringify({ done, total }));
    });
    write(isTerminal() ? `\n${users} users rebuilt from the log` : JSON.stringify({ rebuilt: users }));
  });
