import { type Kysely, sql } from 'kysely';

/**
 * append_v1 behind three questions, asked with the head of the log in hand, so that what an append waits for is never waited
 * for by all others:
 * - Is the log still the one that the caller follows? Where the event that it saw last is another one or gone, nothing is
 *   appended: `other-log`.
 * - Does somebody else have a row that a change needs? All appenders take the head first, so that is a stranger, or a worker for
 *   a moment. The change is left out, `busy`, and its neighbours are appended. `touched` names the rows that may exist, by
 *   change, and `touched_beside` the rarer ones; a batch that touches none costs nothing more.
 * - What no look can foresee (a stranger's uncommitted insert of the same key, a locked table) is waited for a moment only.
 *
 * What waits for the next append function, because append_v1 stays as it is: to leave out the one change that met an uncommitted
 * key instead of refusing the batch; to look keys up where they are judged, and not twice; to take the head after the rows.
 */
const appendV2 = sql`
create function append_v2(
  changes json, happenings json, touched json, touched_beside json, seen_position bigint, seen_stream text, seen_version integer, seen_at timestamptz
)
returns table (ord integer, outcome text, version bigint, answered json)
language plpgsql
-- As append_v1, for the same reasons.
set enable_seqscan = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  held integer[];
begin
  perform from log_head h for update;
  perform set_config('lock_timeout', '250ms', true);

  if seen_position is not null and (
    select e.stream = seen_stream and e.version = seen_version and e.at = seen_at from events e where e.position = seen_position
  ) is not true then
    return query select (c.value->>'ord')::integer, 'other-log', null::bigint, null::json from json_array_elements(changes) c;
    return;
  end if;

  if touched is not null then
    held := (
      select array_agg(t.ord) from json_to_recordset(touched) as t(ord integer, user_id uuid)
      where (select u.user_id from users u where u.user_id = t.user_id for update skip locked) is null
        and (select u.user_id from users u where u.user_id = t.user_id) is not null
    );
  end if;
  if touched_beside is not null then
    held := held || held_by_others_v1(touched_beside);
  end if;
  if held is not null then
    return query select h.ord, 'busy', null::bigint, null::json from unnest(held) h(ord);
    changes := (select json_agg(c.value) from json_array_elements(changes) c where (c.value->>'ord')::integer <> all (held));
  end if;
  return query select a.ord, a.outcome, a.version, a.answered from append_v1(coalesce(changes, '[]'), happenings) a;
end
$$`;

/**
 * Takes the rows that are free, and names the changes of the others; null where all were. Each lock is as strong as the one that
 * append_v1 takes. A row that is there and was not to be had has another holder. It is planned under the settings of append_v2.
 */
const heldByOthersV1 = sql`
create function held_by_others_v1(touched_beside json) returns integer[]
language plpgsql
as $$
begin
  return (
    select array_agg(t.ord)
    from json_to_recordset(touched_beside) as t(
      ord integer, completes text collate "C", replaces uuid, once_key text collate "C",
      viewed uuid, viewer_id uuid, hour timestamptz
    )
    where (
      t.completes is not null
      and (select k.task_id from tasks k where k.task_id = t.completes for no key update skip locked) is null
      and (select k.task_id from tasks k where k.task_id = t.completes) is not null
    ) or (
      -- The conditions of replace_block_end_v1.
      t.replaces is not null and not array(
        select k.task_id from tasks k
        where k.user_id = t.replaces and k.status in ('queued', 'running') and k.status = 'queued' and k.command = 'end_block'
      ) <@ array(
        select k.task_id from tasks k
        where k.user_id = t.replaces and k.status in ('queued', 'running') and k.status = 'queued' and k.command = 'end_block'
        for update skip locked
      )
    ) or (
      -- An answer that still stands is only read, and most keys are new.
      t.once_key is not null
      and (
        select i.key from idempotency_keys i where i.key = t.once_key and i.created_at <= now() - interval '24 hours'
      ) is not null
      and (
        select i.key from idempotency_keys i where i.key = t.once_key and i.created_at <= now() - interval '24 hours'
        for no key update skip locked
      ) is null
    ) or (
      -- The second view of a viewer in an hour is not counted.
      t.viewed is not null
      and ((select v.hour from profile_viewers v where v.user_id = t.viewed and v.viewer_id = t.viewer_id) >= t.hour) is not true
      and (
        (select n.count from profile_view_counts n where n.user_id = t.viewed for no key update skip locked) is null
        and (select n.count from profile_view_counts n where n.user_id = t.viewed) is not null
        or (select v.hour from profile_viewers v where v.user_id = t.viewed and v.viewer_id = t.viewer_id) is not null
        and (
          select v.hour from profile_viewers v where v.user_id = t.viewed and v.viewer_id = t.viewer_id for no key update skip locked
        ) is null
      )
    )
  );
end
$$`;

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await heldByOthersV1.execute(db);
  await appendV2.execute(db);
};

export const down = (db: Kysely<unknown>): Promise<unknown> =>
  sql`drop function append_v2(json, json, json, json, bigint, text, integer, timestamptz), held_by_others_v1(json)`.execute(db);
