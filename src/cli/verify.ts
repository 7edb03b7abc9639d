import { verify as check } from '../infrastructure/persistence/read-model/verify.ts';
import type { CliContext } from './context.ts';

export const verify = (context: CliContext): Promise<void> =>
  context.withStore(async (store, database) => {
    const { paint, json, write } = context;
    const { users, events, violations } = await check(database, store);
    for (const violation of violations) {
      const { invariant, user_id, reason } = violation;
      write(json ? JSON.stringify(violation) : `${paint.bad(invariant)}: ${user_id ? `user ${user_id}: ` : ''}${reason}`);
      await context.drained();
    }
    const result = violations.length === 0 ? paint.good('no rule broken') : paint.bad(`${violations.length} violations`);
    write(json ? JSON.stringify({ users, events, violations: violations.length }) : `${users} users, ${events} events, ${result}`);
    if (violations.length > 0) context.fail();
  });
