import { nameTerms, termsOf } from '../../../domain/search/search-terms.ts';
import { wordsOf } from '../../../domain/search/words.ts';
import type { Username } from '../../../domain/value-objects/username.ts';
import { Poller } from '../../concurrency/poller.ts';
import type { Database } from '../database/database.ts';
import type { EventStore } from '../event-store/event-store.ts';
import { openPersonal } from '../event-store/personal-data.ts';
import { userIdOfStream } from '../event-store/stream-name.ts';

const POLL_MS = 250;
const EVENTS_AT_ONCE = 2_000;

/** A table of what names are found by. */
type Index = { checkpoint: string; table: string; column: string; of: (username: Username | null) => string[] };
const WORDS: Index = { checkpoint: 'words', table: 'user_words', column: 'word', of: wordsOf };
/** What earlier releases read and write: fed as long as it is ahead, which is as long as find_users_v1 reads it. */
const EARLIER: Index = { checkpoint: 'search', table: 'user_search', column: 'term', of: nameTerms };

type Row = { position: number; stream: string; type: string; personal: Uint8Array | null };
type Page = { from: number; to: number; earlier_is_ahead: boolean };
type Terms = { user_id: string; current: string[]; outdated: string[] };

/**
 * Feeds the table that finds users by name from the log, a moment behind it, so that writing a user does not pay for it.
 * (Addresses and numbers are found by the unique indexes of their keys.) Any number of processes may do so: whoever moves
 * the checkpoint has done the page.
 */
export const searchIndex = (database: Database, store: EventStore, onError: (error: unknown) => void): Poller => {
  /** A new user's name is in the event; for who changed or was deleted, all names that there ever were. */
  const termsFor = async ({ stream, type, personal }: Row, index: Index): Promise<Terms | null> => {
    const user_id = userIdOfStream(stream);
    if (user_id === null) return null;
    if (type !== 'UserCreated') return { user_id, ...termsOf(await store.readStream(user_id, 0, Number.MAX_SAFE_INTEGER), index.of) };
    const { username } = (openPersonal(personal) ?? {}) as { username?: Username };
    return { user_id, current: index.of(username ?? null), outdated: [] };
  };

  /** One page. `more`: there may be another one, and no other process is about to do it. */
  const feed = async (index: Index): Promise<{ more: boolean; earlier_is_ahead: boolean }> => {
    const { checkpoint, table, column } = index;
    const rows = await database.query<Row & Page>(
      `select c.position as from, e.position as to, (select s.position from checkpoints s where s.name = $3) > c.position as earlier_is_ahead,
         n.position, n.stream, n.type, n.personal
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
      [checkpoint, EVENTS_AT_ONCE, EARLIER.checkpoint],
    );
    const [{ from, to, earlier_is_ahead } = { from: 0, to: 0, earlier_is_ahead: false }] = rows;
    if (to === from) return { more: false, earlier_is_ahead };
    // In order of position, so that the last word on a user wins.
    const terms = new Map<string, Terms>();
    for (const row of rows) {
      const found = row.position === null ? null : await termsFor(row, index);
      if (found) terms.set(found.user_id, found);
    }
    const pairs = (which: 'current' | 'outdated') =>
      JSON.stringify([...terms.values()].flatMap(({ user_id, [which]: all }) => all.map((term) => ({ term, user_id }))));
    const moved = await database.query(
      `with moved as (update checkpoints set position = $3 where name = $1 and position = $2 returning name),
       removed as (
         delete from ${table} s using moved, json_to_recordset($4::json) as t(term text collate "C", user_id uuid)
         where s.${column} = t.term and s.user_id = t.user_id
       ),
       added as (
         insert into ${table} (${column}, user_id)
         select t.term, t.user_id from moved, json_to_recordset($5::json) as t(term text collate "C", user_id uuid)
         order by t.term, t.user_id
         on conflict do nothing
       )
       select name from moved`,
      [checkpoint, from, to, pairs('outdated'), pairs('current')],
    );
    return { more: moved.length > 0 && to - from >= EVENTS_AT_ONCE, earlier_is_ahead };
  };

  const follow = async (): Promise<boolean> => {
    const { more, earlier_is_ahead } = await feed(WORDS);
    return (earlier_is_ahead && (await feed(EARLIER)).more) || more;
  };

  return new Poller(follow, POLL_MS, onError);
};
