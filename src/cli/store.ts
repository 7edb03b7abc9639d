import process from 'node:process';
import { readConfig } from '../infrastructure/container/config.ts';
import type { Database } from '../infrastructure/persistence/database/database.ts';
import { openDatabase } from '../infrastructure/persistence/database/open-database.ts';
import { type EventStore, eventStore } from '../infrastructure/persistence/event-store/event-store.ts';

const CONNECTIONS = 2;

/** Opens the database that the configuration names, for as long as `work` takes. */
export const withStore = async (work: (store: EventStore, database: Database) => Promise<void>): Promise<void> => {
  const database = await openDatabase(readConfig(process.env).DATABASE_URL, CONNECTIONS);
  try {
    await database.check();
    await work(eventStore(database), database);
  } finally {
    await database.close();
  }
};
