import { type Kysely, type RawBuilder, sql } from 'kysely';

const run = async (db: Kysely<unknown>, statements: RawBuilder<unknown>[]): Promise<void> => {
  for (const statement of statements) await statement.execute(db);
};

export const up = (db: Kysely<unknown>): Promise<void> =>
  run(db, [
    // Drawn once, here: keys the hashes of requests and signs cursors, the same on every replica.
    sql`create table deployment (
      one boolean primary key default true check (one),
      secret text not null default replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''),
      -- Raised by a rebuild: rows may differ from then on without an event that says so.
      generation integer not null default 1
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

    sql`create unique index users_created_position on users (created_position)`,
    // Lists by a rare status; active users, which are created often, are not in it.
    sql`create index users_not_active on users (status, created_position) where status <> 'active'`,

    // Names that users are found by, fed from the log a moment behind it; checkpoints says how far.
    sql`create table user_search (
      term text collate "C" not null,
      user_id uuid not null,
      primary key (term, user_id)
    )`,
    sql`create table checkpoints (name text collate "C" primary key, position bigint not null)`,
    sql`insert into checkpoints values ('search', 0)`,

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

    // Views of profiles: the exact count, and who viewed last. Both can be made again from the views-… streams of the log.
    sql`create table profile_view_counts (
      user_id uuid primary key,
      count bigint not null
    ) with (fillfactor = 50)`,
    sql`create table profile_viewers (
      user_id uuid not null,
      viewer_id uuid not null,
      hour timestamptz(0) not null,
      viewed_at timestamptz(3) not null,
      source text collate "C",
      position bigint not null,
      primary key (user_id, viewer_id)
    )`,
    sql`create index profile_viewers_recent on profile_viewers (user_id, position)`,

    appendV1,
    positionBeforeV1,
    recentViewersV1,
    rebuildV1,
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
returns table (ord integer, outcome text, version bigint, answered json)
language plpgsql
-- The plan is made once, maybe while the tables are empty, and must stay right when they are not: no table is read whole,
-- and every look into one is a scalar or lateral subquery, which the planner cannot turn into a hash of the table. jit: what
-- is switched off counts as enormous cost, and PostgreSQL would compile for seconds what runs in a millisecond.
set jit = off
set enable_seqscan = off
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
      once_key text collate "C", request_hash text, answer smallint, task_id text collate "C", task json,
      viewer_id uuid, source text collate "C", hour timestamptz
    )
  ),
  judged as materialized (
    select c.*,
      -- How many events the change is worth. A view counts where it is not one's own, of somebody deleted, or the viewer's second in this hour.
      case when c.viewer_id is null then c.next - c.expected
        when c.viewer_id = c.user_id or (select v.status from users v where v.user_id = c.viewer_id) = 'deleted' then 0
        when (select v.hour from profile_viewers v where v.user_id = c.user_id and v.viewer_id = c.viewer_id) >= c.hour then 0
        else 1
      end as worth,
      k.version as version_before,
      case when k.created_at > now() - interval '24 hours'
        then json_build_object('request_hash', k.request_hash, 'status', k.status, 'user_id', k.user_id, 'version', k.version, 'task_id', k.task_id)
      end as answered_before,
      case
        when k.created_at > now() - interval '24 hours' then case when k.command_id = c.command_id then 'done' else 'answered' end
        when (select t.status from tasks t where t.task_id = c.completes) in ('succeeded', 'failed', 'cancelled') then 'ended'
        when (select t.task_id from tasks t where t.task_id = c.task_id) is not null then 'done'
        when c.viewer_id is not null then case when u.status <> 'deleted' then 'ok' else 'conflict' end
        when coalesce(u.version, 0) <> c.expected then
          case when (select e.command_id from events e where e.stream = c.stream and e.version = c.expected + 1) = c.command_id
            then 'done' else 'conflict' end
        when (select o.user_id from users o where o.email_key = c.email_key) <> c.user_id then 'email-taken'
        when (select o.user_id from users o where o.phone_key = c.phone_key) <> c.user_id then 'phone-taken'
        else 'ok'
      end as verdict
    from change c
    left join lateral (select * from users o where o.user_id = c.user_id limit 1) u on true
    left join lateral (select * from idempotency_keys i where i.key = c.once_key limit 1) k on true
  ),
  weighed as materialized (
    select j.*, j.verdict = 'ok' as passes, case when j.verdict = 'ok' then j.worth else 0 end as weight from judged j
  ),
  -- With the place in the log after which the events of each change come.
  placed as materialized (
    select w.*, head + sum(w.weight) over (order by w.ord) - w.weight as place,
      case when w.viewer_id is null then w.next
        else coalesce((select c.count from profile_view_counts c where c.user_id = w.user_id), 0)
          + sum(w.weight) over (partition by w.user_id, w.viewer_id is null order by w.ord)
      end as version
    from weighed w
  ),
  moved as (
    update log_head set position = p.last
    from (select head + sum(p.weight) as last, sum(p.weight) as count from placed p) p
    where p.count > 0
  ),
  appended as (
    insert into events (position, stream, version, type, schema_version, data, personal, command_id, actor, correlation_id, at)
    select p.place + h.version - p.expected, p.stream, h.version, h.type, h.schema_version, h.data, decode(h.personal, 'base64'),
      p.command_id, p.actor, p.correlation_id, p.at
    from placed p
    join json_to_recordset(happenings) as h(
      ord integer, version integer, type text collate "C", schema_version smallint, data json, personal text
    ) on h.ord = p.ord
    where p.passes
  ),
  viewed as (
    insert into events (position, stream, version, type, schema_version, data, command_id, actor, correlation_id, at)
    select p.place + 1, 'views-' || p.user_id, p.version, 'ProfileViewed', 1,
      json_build_object('viewer_id', p.viewer_id, 'source', p.source, 'changed', json_build_array()),
      p.command_id, p.actor, p.correlation_id, p.at
    from placed p
    where p.viewer_id is not null and p.weight > 0
  ),
  counted as (
    insert into profile_view_counts (user_id, count)
    select p.user_id, max(p.version) from placed p where p.viewer_id is not null and p.weight > 0 group by p.user_id
    on conflict (user_id) do update set count = excluded.count
  ),
  listed as (
    insert into profile_viewers (user_id, viewer_id, hour, viewed_at, source, position)
    select p.user_id, p.viewer_id, p.hour, p.at, p.source, p.place + 1 from placed p where p.viewer_id is not null and p.weight > 0
    on conflict (user_id, viewer_id) do update set
      hour = excluded.hour, viewed_at = excluded.viewed_at, source = excluded.source, position = excluded.position
  ),
  saved as (
    insert into users (user_id, version, fold, status, email_key, phone_key, state, created_position, position)
    select p.user_id, p.next, p.fold, p.status, p.email_key, p.phone_key, p.state, p.place + 1, p.place + p.weight
    from placed p
    where p.viewer_id is null and p.weight > 0
    on conflict (user_id) do update set
      version = excluded.version, fold = excluded.fold, status = excluded.status, email_key = excluded.email_key,
      phone_key = excluded.phone_key, state = excluded.state, position = excluded.position
  ),
  remembered as (
    insert into idempotency_keys (key, request_hash, status, user_id, version, task_id, command_id, created_at)
    select j.once_key, j.request_hash, j.answer, j.user_id, j.version, case when j.answer = 202 then j.task_id end, j.command_id, now()
    from placed j
    where j.passes and j.once_key is not null
    on conflict (key) do update set
      request_hash = excluded.request_hash, status = excluded.status, user_id = excluded.user_id, version = excluded.version,
      task_id = excluded.task_id, command_id = excluded.command_id, created_at = excluded.created_at
  ),
  queued as (
    insert into tasks (task_id, command, user_id, input, if_match, due_at, not_before, actor, correlation_id, created_at)
    select j.task_id, j.task->>'command', j.user_id, decode(j.task->>'input', 'base64'),
      (select array_agg(v::integer) from json_array_elements_text(nullif(j.task->>'if_match', 'null')::json) v),
      coalesce((j.task->>'due_at')::timestamptz, taken), coalesce((j.task->>'due_at')::timestamptz, taken), j.actor, j.correlation_id, j.at
    from placed j
    where j.passes and j.task_id is not null
    order by j.ord
  ),
  completed as (
    update tasks t set status = 'succeeded', input = null, lease_owner = null, finished_at = taken,
      result_version = (select j.version from placed j where j.passes and j.completes = t.task_id)
    where t.task_id = any (array(select j.completes from placed j where j.passes and j.completes is not null))
  )
  select p.ord, p.verdict, case when p.passes then p.version else p.version_before end,
    case when p.verdict = 'answered' then p.answered_before end
  from placed p;
end
$$`;

/**
 * A place in the log before which nothing is as young as `moment`. Times follow positions but for the difference of the
 * writers' clocks; ten minutes are allowed for it. Positions have no gaps, so halving finds it in a few looks.
 */
const positionBeforeV1 = sql`
create function position_before_v1(moment timestamptz) returns bigint
language plpgsql stable
as $$
declare
  low bigint := 0;
  high bigint;
  middle bigint;
begin
  select h.position into strict high from log_head h;
  while low < high loop
    middle := (low + high + 1) / 2;
    if (select e.at from events e where e.position = middle) < moment - interval '10 minutes' then
      low := middle;
    else
      high := middle - 1;
    end if;
  end loop;
  return low;
end
$$`;

/**
 * Who viewed a profile, latest first, before a position. The planner must not collect and sort all viewers, whatever it
 * believes about their number: one profile may have a million of them, and most have few.
 */
const recentViewersV1 = sql`
create function recent_viewers_v1(viewed uuid, before bigint, count integer)
returns table (viewer_id uuid, viewed_at timestamptz, source text, place bigint)
language plpgsql stable
set jit = off
set enable_sort = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
begin
  return query
  select p.viewer_id, p.viewed_at, p.source, p.position
  from profile_viewers p
  where p.user_id = viewed and p.position < before
    and (select u.status from users u where u.user_id = p.viewer_id) is distinct from 'deleted'
  order by p.position desc
  limit count;
end
$$`;

/**
 * Brings rows of the read model to what was folded again from the log, under the head row; version 0 says that there are no
 * events. Returns the users to look at once more: those who changed since, whose row is as their change left it, and those
 * whose row was wrong, because a change under way may build on what it was.
 */
const rebuildV1 = sql`
create function rebuild_v1(folded json) returns setof uuid
language plpgsql
as $$
declare
  current users[];
  wrong users[];
begin
  perform from log_head h for update;

  select array_agg(f) into current from json_populate_recordset(null::users, folded) f
  where f.version = coalesce((select max(e.version) from events e where e.stream = 'user-' || f.user_id), 0);
  return query select f.user_id from json_to_recordset(folded) as f(user_id uuid)
  where f.user_id not in (select c.user_id from unnest(current) c);

  select array_agg(c) into wrong from unnest(current) c left join users u on u.user_id = c.user_id
  where coalesce(u.version, 0) <> c.version or c.version > 0 and (
    (u.fold, u.status, u.email_key, u.phone_key, u.created_position, u.position, u.state::jsonb) is distinct from
    (c.fold, c.status, c.email_key, c.phone_key, c.created_position, c.position, c.state::jsonb)
  );
  return query select w.user_id from unnest(wrong) w;

  -- Keys that wrong rows, here or of a page to come, hold without a right to them.
  update users u set email_key = null from unnest(wrong) w where u.email_key = w.email_key and u.user_id <> w.user_id;
  update users u set phone_key = null from unnest(wrong) w where u.phone_key = w.phone_key and u.user_id <> w.user_id;
  delete from users u using unnest(wrong) w where u.user_id = w.user_id;
  insert into users select w.* from unnest(wrong) w where w.version > 0;

  delete from user_search s using unnest(current) c, json_to_recordset(folded) as f(user_id uuid, outdated text[]), unnest(f.outdated) as t(term)
  where f.user_id = c.user_id and s.user_id = c.user_id and s.term = t.term;
  insert into user_search (term, user_id)
  select t.term, c.user_id
  from unnest(current) c join json_to_recordset(folded) as f(user_id uuid, terms text[]) on f.user_id = c.user_id, unnest(f.terms) as t(term)
  on conflict do nothing;

  -- Versions have no gaps, so the last one is the count.
  delete from profile_view_counts v using json_to_recordset(folded) as f(user_id uuid)
  where v.user_id = f.user_id and not exists (select from events e where e.stream = 'views-' || f.user_id);
  insert into profile_view_counts (user_id, count)
  select f.user_id, v.last
  from json_to_recordset(folded) as f(user_id uuid)
  cross join lateral (select max(e.version) as last from events e where e.stream = 'views-' || f.user_id) v
  where v.last is not null
  on conflict (user_id) do update set count = excluded.count where profile_view_counts.count <> excluded.count;
end
$$`;

export const down = (db: Kysely<unknown>): Promise<void> =>
  run(db, [
    sql`drop function append_v1(json, json), position_before_v1(timestamptz), recent_viewers_v1(uuid, bigint, integer), rebuild_v1(json)`,
    sql`drop table user_search, checkpoints, profile_viewers, profile_view_counts, idempotency_keys, tasks, users, events, log_head, deployment`,
  ]);
