import type { EventFeed, PublicEvent } from '../../../application/feed/event-feed.ts';
import type { Database } from '../database/database.ts';
import { EVENT_COLUMNS, type EventRow, toEvent } from '../event-store/event-store.ts';
import { inSql, streamOf, viewsOf } from '../event-store/stream-name.ts';

export const eventFeed = (database: Database, personal: 'omit' | 'include'): EventFeed => {
  const columns =
    personal === 'omit'
      ? EVENT_COLUMNS.replace('personal', 'null::bytea as personal')
      : EVENT_COLUMNS.replace(
          'personal',
          `case when not (${inSql.isOfUser('e.stream')}) or
             (select u.status from users u where u.user_id = ${inSql.userIdOfStream('e.stream')}) is distinct from 'deleted' then e.personal end as personal`,
        );
  const read = async (condition: string, values: readonly unknown[]): Promise<PublicEvent[]> => {
    const rows = await database.query<EventRow>(`select ${columns} from events e where ${condition} order by position limit $1`, values);
    return rows.map((row) => {
      const { personal: open, ...event } = toEvent(row);
      return row.personal === null ? event : { ...event, personal: open };
    });
  };

  return {
    async head() {
      const [row] = await database.query<{ position: number }>('select position from log_head');
      return row?.position ?? 0;
    },
    read: (after, limit) => read('position > $2', [limit, after]),
    readOf: (userId, after, limit) => read('stream in ($2, $3) and position > $4', [limit, streamOf(userId), viewsOf(userId), after]),
  };
};
