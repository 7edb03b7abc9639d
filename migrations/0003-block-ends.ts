import { type Kysely, sql } from 'kysely';

// Every API process looks for blocks that are over several times a second, however many other tasks wait for a worker.
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`create index tasks_block_ends on tasks (not_before) where command = 'end_block' and status in ('queued', 'running')`.execute(
    db,
  );
};

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`drop index tasks_block_ends`.execute(db);
};
