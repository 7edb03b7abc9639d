import process from 'node:process';
import { readConfig } from '../infrastructure/container/config.ts';
import { inWords } from '../infrastructure/container/last-words.ts';
import type { Database } from '../infrastructure/persistence/database/database.ts';
import { openDatabase } from '../infrastructure/persistence/database/open-database.ts';
import { type EventStore, eventStore } from '../infrastructure/persistence/event-store/event-store.ts';

const CONNECTIONS = 2;

/** Opens the database that the configuration names, for as long as `work` takes; `as` the service, or as the owner of its tables. */
export const withStore = async (
  work: (store: EventStore, database: Database) => Promise<void>,
  as: 'service' | 'owner' = 'service',
): Promise<void> => {
  const { DATABASE_URL, MIGRATION_DATABASE_URL, origins } = readConfig(process.env);
  const [url, setting] =
    as === 'owner' && MIGRATION_DATABASE_URL !== null
      ? [MIGRATION_DATABASE_URL, origins.MIGRATION_DATABASE_URL]
      : [DATABASE_URL, origins.DATABASE_URL];
  const database = await openDatabase(url, CONNECTIONS, undefined, setting);
  try {
    await database.check();
    await work(eventStore(database), database);
  } catch (error) {
    throw inWords(error, database.place);
  } finally {
    await database.close();
  }
};
