import type { Database } from '../database/database.ts';
import { inSql } from '../event-store/stream-name.ts';

const ROWS_AT_ONCE = 2_000;

/** True where the row of a viewer is what its event says. */
export const ROW_IS_ITS_EVENT = `exists (
  select from events e
  where e.position = p.position and e.stream = ${inSql.viewsOf('p.user_id')} and (e.data->>'viewer_id')::uuid = p.viewer_id
    and p.viewed_at = e.at and p.hour = to_timestamp(floor(extract(epoch from e.at) / 3600) * 3600)
    and p.source is not distinct from e.data->>'source'
)`;

/**
 * The lists of viewers from the log, a few thousand rows at a time however many views somebody has: first rows that are
 * not what their event says go, then every view of the log is listed where no later one of its viewer is. What is right
 * is never touched. Each page takes the head row, as every writer of these rows does, so that none waits for the other twice.
 */
export const rebuildProfileViewers = async (database: Database): Promise<void> => {
  let after: { user_id: string; viewer_id: string } | null = null;
  do {
    const rows: { user_id: string; viewer_id: string }[] = await database.query(
      `with head as materialized (select position from log_head for update),
       page as materialized (
         select user_id, viewer_id, position from profile_viewers
         where $1::uuid is null or (user_id, viewer_id) > ($1, $2::uuid) order by user_id, viewer_id limit $3
       ),
       gone as (
         delete from profile_viewers p using page g, head
         where p.user_id = g.user_id and p.viewer_id = g.viewer_id and p.position = g.position and not ${ROW_IS_ITS_EVENT}
       )
       select user_id, viewer_id from page order by user_id, viewer_id offset $3 - 1`,
      [after?.user_id ?? null, after?.viewer_id ?? null, ROWS_AT_ONCE],
    );
    after = rows[0] ?? null;
  } while (after !== null);

  const [log] = await database.query<{ head: number }>('select position as head from log_head');
  for (let from = 0; from < (log?.head ?? 0); from += ROWS_AT_ONCE) {
    await database.query(
      `with head as materialized (select position from log_head for update)
       insert into profile_viewers (user_id, viewer_id, hour, viewed_at, source, position)
       select v.user_id, v.viewer_id, to_timestamp(floor(extract(epoch from v.at) / 3600) * 3600), v.at, v.source, v.position
       from head, (
         select distinct on (e.stream, e.data->>'viewer_id') ${inSql.userIdOfViews('e.stream')} as user_id, (e.data->>'viewer_id')::uuid as viewer_id,
           e.at, e.data->>'source' as source, e.position
         from events e where e.position > $1 and e.position <= $2 and e.type = 'ProfileViewed'
         order by e.stream, e.data->>'viewer_id', e.position desc
       ) v
       on conflict (user_id, viewer_id) do update set
         hour = excluded.hour, viewed_at = excluded.viewed_at, source = excluded.source, position = excluded.position
       where profile_viewers.position < excluded.position`,
      [from, from + ROWS_AT_ONCE],
    );
  }
};
