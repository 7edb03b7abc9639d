import type { LoggedEvent } from '../../../domain/repositories/user-repository.ts';
import type { Database } from '../database/database.ts';
import { inSql, userIdOfViews } from '../event-store/stream-name.ts';
import { ROW_IS_ITS_EVENT } from './rebuild-profile-viewers.ts';
import type { Violation } from './violation.ts';

const ROWS_AT_ONCE = 2_000;

/**
 * The invariant of profile views, in pieces that stay small however many views somebody has. The versions of the stream
 * have no gap; the count is the last of them; every viewer is listed with a view no older than any in the log; and every
 * row is what its event says. The last two together: the list has each viewer's last view.
 */
export const profileViewsChecker = (database: Database, violations: Violation[]) => {
  const versions = new Map<string, number>();
  const broken = (user_id: string, reason: string): void => void violations.push({ invariant: 'profile-views', user_id, reason });

  /** The views of one page of the log. */
  const checkEvents = async (page: readonly LoggedEvent[]): Promise<void> => {
    const last = new Map<string, { user_id: string; viewer_id: string; position: number }>();
    for (const { stream, version, position, data } of page) {
      const user_id = userIdOfViews(stream);
      if (user_id === null) continue;
      const before = versions.get(user_id) ?? 0;
      if (version !== before + 1) broken(user_id, `view ${before} is followed by ${version}`);
      versions.set(user_id, version);
      const { viewer_id } = data as unknown as { viewer_id: string };
      last.set(`${user_id} ${viewer_id}`, { user_id, viewer_id, position });
    }
    if (last.size === 0) return;
    const missing = await database.query<{ user_id: string; viewer_id: string }>(
      `select v.user_id, v.viewer_id from json_to_recordset($1::json) as v(user_id uuid, viewer_id uuid, position bigint)
       where not coalesce((
         select p.position >= v.position from profile_viewers p where p.user_id = v.user_id and p.viewer_id = v.viewer_id
       ), false)`,
      [JSON.stringify([...last.values()])],
    );
    for (const { user_id, viewer_id } of missing) broken(user_id, `the last view of ${viewer_id} is not in the list`);
  };

  const checkCounts = async (): Promise<void> => {
    const missing = new Set(versions.keys());
    type Row = { user_id: string; count: number; last: number | null };
    let page: Row[] = [];
    do {
      page = await database.query<Row>(
        `select c.user_id, c.count, (select max(e.version) from events e where e.stream = ${inSql.viewsOf('c.user_id')}) as last
         from profile_view_counts c where $1::uuid is null or c.user_id > $1 order by c.user_id limit $2`,
        [page.at(-1)?.user_id ?? null, ROWS_AT_ONCE],
      );
      for (const { user_id, count, last } of page) {
        missing.delete(user_id);
        if (count !== (last ?? 0)) broken(user_id, `the count is ${count}, the log has ${last ?? 0} views`);
      }
    } while (page.length === ROWS_AT_ONCE);
    for (const user_id of missing) broken(user_id, 'has views but no count');
  };

  const checkRows = async (): Promise<void> => {
    type Row = { user_id: string; viewer_id: string; right: boolean };
    let page: Row[] = [];
    do {
      page = await database.query<Row>(
        `select p.user_id, p.viewer_id, ${ROW_IS_ITS_EVENT} as "right" from profile_viewers p
         where $1::uuid is null or (p.user_id, p.viewer_id) > ($1, $2::uuid) order by p.user_id, p.viewer_id limit $3`,
        [page.at(-1)?.user_id ?? null, page.at(-1)?.viewer_id ?? null, ROWS_AT_ONCE],
      );
      for (const { user_id, viewer_id, right } of page)
        if (!right) broken(user_id, `the row of viewer ${viewer_id} is not what the log says`);
    } while (page.length === ROWS_AT_ONCE);
  };

  return { checkEvents, checkCounts, checkRows };
};
