import { type Kysely, type RawBuilder, sql } from 'kysely';

const run = async (db: Kysely<unknown>, statements: RawBuilder<unknown>[]): Promise<void> => {
  for (const statement of statements) await statement.execute(db);
};

export const up = (db: Kysely<unknown>): Promise<void> =>
  run(db, [
    // Drawn once, here: keys the hashes of requests and signs cursors, the same on every replica.
    sql`create table deployment (
      one boolean primary key default true check (one),
      secret text not null default replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')
    )`,
    sql`insert into deployment default values`,

    // The head of the log. Every appender locks this row first, so positions are gap-free and visible in order.
    sql`create table log_head (
      one boolean primary key default true check (one),
      position bigint not null default 0
    ) with (fillfactor = 10)`,
    sql`insert into log_head default values`,

    // The log. Rows are never updated or deleted. personal: the first byte names the scheme, 0 = JSON in UTF-8.
    sql`create table events (
      position bigint primary key,
      stream text collate "C" not null,
      version integer not null,
      type text collate "C" not null,
      schema_version smallint not null,
      data json not null,
      personal bytea,
      command_id uuid not null,
      actor text,
      correlation_id text,
      at timestamptz(3) not null,
      constraint events_stream_version unique (stream, version)
    )`,

    // The read model, and at the same time the current snapshot: state is the fold of the user's events up to version.
    // fold is the version of the fold that wrote it; a row with another one is folded again from the log.
    sql`create table users (
      user_id uuid primary key,
      version integer not null,
      fold integer not null,
      status text collate "C" not null,
      email_key text collate "C",
      phone_key text collate "C",
      state json not null,
      created_position bigint not null,
      position bigint not null
    ) with (fillfactor = 80)`,
    sql`create unique index users_email_key on users (email_key)`,
    sql`create unique index users_phone_key on users (phone_key)`,

    // seq is drawn under the head row, so it is the order of acceptance. input: as events.personal; null once ended.
    sql`create table tasks (
      task_id text collate "C" primary key,
      seq bigint generated always as identity,
      command text collate "C" not null,
      user_id uuid not null,
      input bytea,
      if_match integer[],
      status text collate "C" not null default 'queued' check (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
      attempts integer not null default 0,
      due_at timestamptz(3) not null,
      not_before timestamptz(3) not null,
      lease_owner text,
      actor text,
      correlation_id text,
      created_at timestamptz(3) not null,
      started_at timestamptz(3),
      finished_at timestamptz(3),
      result_version integer,
      error json
    )`,
    sql`create index tasks_unfinished on tasks (not_before) where status in ('queued', 'running')`,
    sql`create index tasks_unfinished_of_user on tasks (user_id, seq) where status in ('queued', 'running')`,
    sql`create index tasks_finished on tasks (finished_at) where finished_at is not null`,

    // What was answered under an Idempotency-Key. key and request_hash are keyed hashes; no part of the request is kept.
    sql`create table idempotency_keys (
      key text collate "C" primary key,
      request_hash text not null,
      status smallint not null,
      user_id uuid not null,
      version integer not null,
      task_id text collate "C",
      command_id uuid not null,
      created_at timestamptz(3) not null
    )`,
    sql`create index idempotency_keys_created_at on idempotency_keys (created_at)`,

    appendV1,
  ]);

/**
 * Appends a batch of changes and says of each what came of it. First statement: take the head row. Second statement, with
 * a snapshot taken after that (the function is volatile, so each of its statements has its own): check every change against
 * everything committed before, and write what passes. One bad change does not touch its neighbours.
 *
 * The batch must hold at most one change per user, per claimed key and per once-only key; the unique constraints refuse the rest.
 *
 * Outcomes: ok; done (an earlier run of this very change committed: after a cut connection, that is success);
 * answered (the once-only key has an answer); ended (the task it completes has ended); conflict (the version is another one);
 * email-taken, phone-taken.
 */
const appendV1 = sql`
create function append_v1(changes json, happenings json)
returns table (ord integer, outcome text, answered json)
language plpgsql
-- The plan is made once, maybe while the tables are empty, and must stay right when they are not. jit: the planner counts
-- what is switched off as enormous cost, and would compile for seconds what runs in a millisecond.
set jit = off
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  head bigint;
  -- When the head row was taken, by the one clock that all replicas share; cut off, so that it is never in the future.
  taken timestamptz;
begin
  select h.position into strict head from log_head h for update;
  taken := date_trunc('milliseconds', clock_timestamp());

  return query
  with change as materialized (
    select c.* from json_to_recordset(changes) as c(
      ord integer, command_id uuid, user_id uuid, stream text collate "C", expected integer, next integer, at timestamptz,
      actor text, correlation_id text, completes text collate "C",
      fold integer, status text collate "C", state json, email_key text collate "C", phone_key text collate "C",
      once_key text collate "C", request_hash text, answer smallint, task_id text collate "C", task json
    )
  ),
  -- Scalar subqueries, because the planner may turn EXISTS into a hash of the whole table.
  judged as materialized (
    select c.*,
      case when k.created_at > now() - interval '24 hours'
        then json_build_object('request_hash', k.request_hash, 'status', k.status, 'user_id', k.user_id, 'version', k.version, 'task_id', k.task_id)
      end as answered_before,
      case
        when k.created_at > now() - interval '24 hours' then case when k.command_id = c.command_id then 'done' else 'answered' end
        when (select t.status from tasks t where t.task_id = c.completes) in ('succeeded', 'failed', 'cancelled') then 'ended'
        when (select t.task_id from tasks t where t.task_id = c.task_id) is not null then 'done'
        when coalesce(u.version, 0) <> c.expected then
          case when (select e.command_id from events e where e.stream = c.stream and e.version = c.expected + 1) = c.command_id
            then 'done' else 'conflict' end
        when (select o.user_id from users o where o.email_key = c.email_key) <> c.user_id then 'email-taken'
        when (select o.user_id from users o where o.phone_key = c.phone_key) <> c.user_id then 'phone-taken'
        else 'ok'
      end as verdict
    from change c
    left join users u on u.user_id = c.user_id
    left join idempotency_keys k on k.key = c.once_key
  ),
  -- What passes, with the place in the log after which its events come.
  passed as materialized (
    select j.*, head + coalesce(sum(j.next - j.expected) over (order by j.ord rows between unbounded preceding and 1 preceding), 0) as place
    from judged j
    where j.verdict = 'ok'
  ),
  moved as (
    update log_head set position = p.last
    from (select head + sum(p.next - p.expected) as last, sum(p.next - p.expected) as count from passed p) p
    where p.count > 0
  ),
  appended as (
    insert into events (position, stream, version, type, schema_version, data, personal, command_id, actor, correlation_id, at)
    select p.place + h.version - p.expected, p.stream, h.version, h.type, h.schema_version, h.data, decode(h.personal, 'base64'),
      p.command_id, p.actor, p.correlation_id, p.at
    from passed p
    join json_to_recordset(happenings) as h(
      ord integer, version integer, type text collate "C", schema_version smallint, data json, personal text
    ) on h.ord = p.ord
  ),
  saved as (
    insert into users (user_id, version, fold, status, email_key, phone_key, state, created_position, position)
    select p.user_id, p.next, p.fold, p.status, p.email_key, p.phone_key, p.state, p.place + 1, p.place + p.next - p.expected
    from passed p
    where p.next > p.expected
    on conflict (user_id) do update set
      version = excluded.version, fold = excluded.fold, status = excluded.status, email_key = excluded.email_key,
      phone_key = excluded.phone_key, state = excluded.state, position = excluded.position
  ),
  remembered as (
    insert into idempotency_keys (key, request_hash, status, user_id, version, task_id, command_id, created_at)
    select j.once_key, j.request_hash, j.answer, j.user_id, j.next, case when j.answer = 202 then j.task_id end, j.command_id, now()
    from passed j
    where j.once_key is not null
    on conflict (key) do update set
      request_hash = excluded.request_hash, status = excluded.status, user_id = excluded.user_id, version = excluded.version,
      task_id = excluded.task_id, command_id = excluded.command_id, created_at = excluded.created_at
  ),
  queued as (
    insert into tasks (task_id, command, user_id, input, if_match, due_at, not_before, actor, correlation_id, created_at)
    select j.task_id, j.task->>'command', j.user_id, decode(j.task->>'input', 'base64'),
      (select array_agg(v::integer) from json_array_elements_text(nullif(j.task->>'if_match', 'null')::json) v),
      coalesce((j.task->>'due_at')::timestamptz, taken), coalesce((j.task->>'due_at')::timestamptz, taken), j.actor, j.correlation_id, j.at
    from passed j
    where j.task_id is not null
    order by j.ord
  ),
  completed as (
    update tasks t set status = 'succeeded', result_version = j.next, input = null, lease_owner = null, finished_at = taken
    from passed j
    where t.task_id = j.completes
  )
  select j.ord, j.verdict, case when j.verdict = 'answered' then j.answered_before end from judged j;
end
$$`;

export const down = (db: Kysely<unknown>): Promise<void> =>
  run(db, [sql`drop function append_v1(json, json)`, sql`drop table idempotency_keys, tasks, users, events, log_head, deployment`]);
