import type { Viewer } from '../../../domain/entities/profile-view.ts';
import type { ProfileViewRepository } from '../../../domain/repositories/profile-view-repository.ts';
import type { Gate } from '../../concurrency/gate.ts';
import type { Database } from '../database/database.ts';
import { retriedRead } from '../database/retried-read.ts';

const COUNT = 'coalesce((select c.count from profile_view_counts c where c.user_id = $1), 0)';

export const profileViewRepository = (database: Database, inTurn: Gate = (read) => read()): ProfileViewRepository => ({
  async count(userId) {
    const [row] = await retriedRead(() => database.query<{ count: number }>(`select ${COUNT} as count`, [userId]));
    return row?.count ?? 0;
  },

  async recent(userId, before, limit) {
    const page = () =>
      database.query<{ count: number } & { [K in keyof Viewer]: Viewer[K] | null }>(
        `select ${COUNT} as count, v.viewer_id, v.viewed_at, v.source, v.place as position
         from (select) one left join lateral recent_viewers_v1($1, $2::bigint, $3) v on true`,
        [userId, before ?? Number.MAX_SAFE_INTEGER, limit],
      );
    const rows = await inTurn(() => retriedRead(page));
    const viewers = rows.flatMap(({ count: _, ...viewer }) => (viewer.viewer_id === null ? [] : [viewer as Viewer]));
    return { count: rows[0]?.count ?? 0, viewers };
  },
});
