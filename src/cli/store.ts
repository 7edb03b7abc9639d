import { readConfig } from '../infrastructure/container/config.ts';
import { inWords } from '../infrastructure/container/last-words.ts';
import type { Database } from '../infrastructure/persistence/database/database.ts';
import { openDatabase } from '../infrastructure/persistence/database/open-database.ts';
import { eventStore } from '../infrastructure/persistence/event-store/event-store.ts';
import type { CliContext } from './context.ts';

const CONNECTIONS = 2;

/** Opens the database that the configuration names, for as long as `work` takes. */
export const openingStore =
  (env: NodeJS.ProcessEnv, signal: AbortSignal): CliContext['withStore'] =>
  async (work, as = 'service') => {
    const { DATABASE_URL, MIGRATION_DATABASE_URL, origins } = readConfig(env);
    const [url, setting] =
      as === 'owner' && MIGRATION_DATABASE_URL !== null
        ? [MIGRATION_DATABASE_URL, origins.MIGRATION_DATABASE_URL]
        : [DATABASE_URL, origins.DATABASE_URL];
    const database = await openDatabase(url, CONNECTIONS, undefined, setting);
    try {
      await database.check();
      const ended = endedBy(signal, database);
      return await work(eventStore(ended), ended);
    } catch (error) {
      throw inWords(error, database.place);
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
