import process from 'node:process';
import { verify as check } from '../infrastructure/persistence/read-model/verify.ts';
import { bad, good, write } from './output.ts';
import { withStore } from './store.ts';

export const verify = (): Promise<void> =>
  withStore(async (store, database) => {
    const { users, events, violations } = await check(database, store);
    for (const { invariant, user_id, reason } of violations) write(`${bad(invariant)}: ${user_id ? `user ${user_id}: ` : ''}${reason}`);
    write(`${users} users, ${events} events, ${violations.length === 0 ? good('no rule broken') : bad(`${violations.length} violations`)}`);
    if (violations.length > 0) process.exitCode = 1;
  });
