import { type Kysely, sql } from 'kysely';

/**
 * Changes `events` and `tasks` without stopping who uses them. While somebody reads for long, a backup perhaps, others would queue
 * up behind a statement that waits for the lock, so it waits a tenth of a second at a time, and holds no lock in between. In the
 * order in which appends take the two tables, and at the end of the migration, which keeps them.
 */
const alterBoth = (...changes: string[]) =>
  sql.raw(`do $do$
begin
  for try in 1..200 loop
    begin
      set local lock_timeout = '100ms';
      lock table tasks in access exclusive mode;
      lock table events in access exclusive mode;
      ${changes.join(';\n      ')};
      return;
    exception when lock_not_available then
      perform pg_sleep(0.3);
    end;
  end loop;
  raise exception using errcode = '55P03', message = 'the tables events and tasks are in use by a long transaction, a backup perhaps';
end
$do$`);

export const up = async (db: Kysely<unknown>): Promise<void> => {
  // Events that a table made from the log could not take in, by the name of its checkpoint; a rebuild takes them up.
  await sql`create table skipped (
    name text collate "C" not null,
    position bigint not null,
    at timestamptz not null default now(),
    primary key (name, position)
  )`.execute(db);

  // A block that replaces another one leaves no task of the one before.
  await sql`
create function replace_block_end_v1() returns trigger
language plpgsql
as $$
begin
  -- The first condition is that of the index.
  delete from tasks t
  where t.user_id = new.user_id and t.status in ('queued', 'running') and t.status = 'queued' and t.command = 'end_block' and t.task_id <> new.task_id;
  return null;
end
$$`.execute(db);

  await alterBoth(
    // What every follower of the log may rely on, whoever appends. What was written before is not looked at.
    `alter table events add constraint events_size check (octet_length(personal) <= 32768 and octet_length(data::text) <= 4096
      and length(stream) <= 300 and length(type) <= 300 and length(actor) <= 300 and length(correlation_id) <= 300) not valid`,
    `create trigger tasks_replace_block_end after insert on tasks
      for each row when (new.command = 'end_block') execute function replace_block_end_v1()`,
  ).execute(db);
};

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await alterBoth('alter table events drop constraint events_size', 'drop trigger tasks_replace_block_end on tasks').execute(db);
  await sql`drop function replace_block_end_v1()`.execute(db);
  await sql`drop table skipped`.execute(db);
};
