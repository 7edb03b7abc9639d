import { readConfig } from '../infrastructure/container/config.ts';
import type { Database } from '../infrastructure/persistence/database/database.ts';
import { openDatabase } from '../infrastructure/persistence/database/open-database.ts';
import { eventStore } from '../infrastructure/persistence/event-store/event-store.ts';
import type { CliContext } from './context.ts';

const CONNECTIONS = 2;

/** Opens the database that the configuration names, for as long as `work` takes. */
export const openingStore =
  (env: NodeJS.ProcessEnv, signal: AbortSignal): CliContext['withStore'] =>
  async (work, as = 'service') => {
    const { DATABASE_URL, MIGRATION_DATABASE_URL } = readConfig(env);
    const database = await openDatabase((as === 'owner' && MIGRATION_DATABASE_URL) || DATABASE_URL, CONNECTIONS);
    try {
      await database.check();
      const ended = endedBy(signal, database);
      return await work(eventStore(ended), ended);
    } finally {
      await database.close();
    }
  };

/** The database until the command is given up: from then on it takes no statement more. */
export const endedBy = (signal: AbortSignal, database: Database): Database => ({
  ...database,
  query: (sql, values) => {
    signal.throwIfAborted();
    return database.query(sql, values);
  },
});
