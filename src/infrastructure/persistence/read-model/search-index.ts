import { nameTerms, termsOf } from '../../../domain/search/search-terms.ts';
import type { Username } from '../../../domain/value-objects/username.ts';
import { Poller } from '../../concurrency/poller.ts';
import type { Database } from '../database/database.ts';
import type { EventStore } from '../event-store/event-store.ts';
import { openPersonal } from '../event-store/personal-data.ts';
import { userIdOfStream } from '../event-store/stream-name.ts';

const POLL_MS = 250;
const EVENTS_AT_ONCE = 2_000;
const CHECKPOINT = 'search';

type Row = { position: number; stream: string; type: string; personal: Uint8Array | null };
type Terms = { user_id: string; current: string[]; outdated: string[] };

/**
 * Feeds the table that finds users by name from the log, a moment behind it, so that writing a user does not pay for it.
 * (Addresses and numbers are found by the unique indexes of their keys.) Any number of processes may do so: whoever moves
 * the checkpoint has done the page.
 */
export const searchIndex = (database: Database, store: EventStore, onError: (error: unknown) => void): Poller => {
  /** A new user's name is in the event; for who changed or was deleted, all names that there ever were. */
  const termsFor = async ({ stream, type, personal }: Row): Promise<Terms | null> => {
    const user_id = userIdOfStream(stream);
    if (user_id === null) return null;
    if (type !== 'UserCreated') return { user_id, ...termsOf(await store.readStream(user_id, 0, Number.MAX_SAFE_INTEGER)) };
    const { username } = (openPersonal(personal) ?? {}) as { username?: Username };
    return { user_id, current: nameTerms(username ?? null), outdated: [] };
  };

  const follow = async (): Promise<boolean> => {
    const rows = await database.query<Row & { from: number; to: number }>(
      `select c.position as from, e.position as to, n.position, n.stream, n.type, n.personal
       from checkpoints c
       cross join lateral (
         select coalesce(max(p.position), c.position) as position
         from (select position from events where position > c.position order by position limit $2) p
       ) e
       left join lateral (
         select * from events n where n.position > c.position and n.position <= e.position
           and n.type in ('UserCreated', 'UserUsernameChanged', 'UserDeleted')
       ) n on true
       where c.name = $1
       order by n.position`,
      [CHECKPOINT, EVENTS_AT_ONCE],
    );
    const [{ from, to } = { from: 0, to: 0 }] = rows;
    if (to === from) return false;
    // In order of position, so that the last word on a user wins.
    const terms = new Map<string, Terms>();
    for (const row of rows) {
      const found = row.position === null ? null : await termsFor(row);
      if (found) terms.set(found.user_id, found);
    }
    const pairs = (which: 'current' | 'outdated') =>
      JSON.stringify([...terms.values()].flatMap(({ user_id, [which]: all }) => all.map((term) => ({ term, user_id }))));
    await database.query(
      `with moved as (update checkpoints set position = $3 where name = $1 and position = $2 returning name),
       removed as (
         delete from user_search s using moved, json_to_recordset($4::json) as t(term text collate "C", user_id uuid)
         where s.term = t.term and s.user_id = t.user_id
       )
       insert into user_search (term, user_id)
       select t.term, t.user_id from moved, json_to_recordset($5::json) as t(term text collate "C", user_id uuid)
       order by t.term
       on conflict do nothing`,
      [CHECKPOINT, from, to, pairs('outdated'), pairs('current')],
    );
    return to - from >= EVENTS_AT_ONCE;
  };

  return new Poller(follow, POLL_MS, onError);
};
