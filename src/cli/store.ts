import process from 'node:process';
import { readConfig } from '../infrastructure/container/config.ts';
import type { Database } from '../infrastructure/persistence/database/database.ts';
import { openDatabase } from '../infrastructure/persistence/database/open-database.ts';
import { type EventStore, eventStore } from '../infrastructure/persistence/event-store/event-store.ts';

const CONNECTIONS = 2;

/** Opens the database that the configuration names, for as long as `work` takes; `as` the service, or as the owner of its tables. */
export const withStore = async (
  work: (store: EventStore, database: Database) => Promise<void>,
  as: 'service' | 'owner' = 'service',
): Promise<void> => {
  const { DATABASE_URL, MIGRATION_DATABASE_URL } = readConfig(process.env);
  const database = await openDatabase((as === 'owner' && MIGRATION_DATABASE_URL) || DATABASE_URL, CONNECTIONS);
  try {
    await database.check();
    await work(eventStore(database), database);
  } finally {
    await database.close();
  }
};
