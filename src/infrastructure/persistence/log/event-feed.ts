import type { EventFeed, EventPage } from '../../../application/feed/event-feed.ts';
import type { Database } from '../database/database.ts';
import { DATA_BYTES, EVENT_BYTES, type EventRow, eventColumns, PAGE_BYTES, toEvent } from '../event-store/event-store.ts';
import { inSql, streamOf, viewsOf } from '../event-store/stream-name.ts';

/** More than any such text of ours has. */
const TEXT_LENGTH = 300;
const UUID = '^.{5}[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';

/** The personal part leaves the service unless its user was deleted; a stream whose name has no user id has no user to ask for. */
const PERSONAL = `case when octet_length(e.personal) <= ${EVENT_BYTES} then
    case when not (${inSql.isOfUser('e.stream')}) then e.personal
      when e.stream !~ '${UUID}' then null
      when (select u.status from users u where u.user_id = ${inSql.userIdOfStream('e.stream')}) is distinct from 'deleted' then e.personal
    end
  end`;

/** What an event changed is told also where the rest is more than an event may have. */
const DATA = `case when octet_length(e.data::text) <= ${DATA_BYTES} then e.data
    when octet_length((e.data->'changed')::text) <= ${DATA_BYTES} then json_build_object('changed', e.data->'changed')
    else '{"changed":[]}'
  end`;

export const eventFeed = (database: Database, personal: 'omit' | 'include'): EventFeed => {
  const columns = eventColumns({
    ...Object.fromEntries(['stream', 'type', 'actor', 'correlation_id'].map((column) => [column, `left(e.${column}, ${TEXT_LENGTH})`])),
    data: DATA,
    personal: personal === 'omit' ? 'null::bytea' : PERSONAL,
  });
  const size = `octet_length(data::text)${personal === 'omit' ? '' : ' + coalesce(octet_length(personal), 0)'}`;

  const read = async (condition: string, limit: number, values: readonly unknown[]): Promise<EventPage> => {
    const rows = await database.query<EventRow & { followed: boolean }>(
      `select ${columns}, followed
       from (
         select n.*, row_number() over w as place, lead(n.position) over w is not null as followed,
           sum(least(${size}, ${2 * EVENT_BYTES})) over w - least(${size}, ${2 * EVENT_BYTES}) as size_before
         from (select * from events where ${condition} order by position limit $1::bigint + 1) n
         window w as (order by n.position)
       ) e
       where place <= $1 and size_before < ${PAGE_BYTES} order by position`,
      [limit, ...values],
    );
    const events = rows.map(({ followed: _, ...row }) => {
      const { personal: open, unreadable, ...event } = toEvent(row);
      return row.personal === null || unreadable ? event : { ...event, personal: open };
    });
    return { events, more: rows.at(-1)?.followed ?? false };
  };

  return {
    async head() {
      const [row] = await database.query<{ position: number }>('select position from log_head');
      return row?.position ?? 0;
    },
    read: (after, limit) => read('position > $2', limit, [after]),
    readOf: (userId, after, limit) => read('stream in ($2, $3) and position > $4', limit, [streamOf(userId), viewsOf(userId), after]),
  };
};
