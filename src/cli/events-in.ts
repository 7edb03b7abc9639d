import { type Database, StoreFailure } from '../infrastructure/persistence/database/database.ts';

const NO_TABLE = '42P01';

/** How many events the log has; none where there is no schema yet. */
export const eventsIn = async (database: Database): Promise<number> => {
  try {
    const [head] = await database.query<{ position: number }>('select position from log_head');
    return head?.position ?? 0;
  } catch (error) {
    if (error instanceof StoreFailure && error.sqlstate === NO_TABLE) return 0;
    throw error;
  }
};
