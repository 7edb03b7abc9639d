import { type Kysely, sql } from 'kysely';

export const up = async (db: Kysely<unknown>): Promise<void> => {
  // Who may do what only one process may do, and until when, by the database's clock.
  await sql`create table leases (
    name text collate "C" primary key,
    owner text not null,
    until timestamptz not null
  )`.execute(db);
  // How far the log has been published to NATS, for everyone to see; where the relay goes on is what the stream holds.
  await sql`insert into checkpoints values ('relay', 0)`.execute(db);
};

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`delete from checkpoints where name = 'relay'`.execute(db);
  await sql`drop table leases`.execute(db);
};
