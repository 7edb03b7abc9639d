import { nameTerms, termsOf } from '../../../domain/search/search-terms.ts';
import { wordsOf } from '../../../domain/search/words.ts';
import type { Username } from '../../../domain/value-objects/username.ts';
import { Poller } from '../../concurrency/poller.ts';
import type { Database } from '../database/database.ts';
import type { EventStore } from '../event-store/event-store.ts';
import { openPersonal } from '../event-store/personal-data.ts';
import { userIdOfStream } from '../event-store/stream-name.ts';

const POLL_MS = 250;
/** Few, because the embedded database does nothing else meanwhile. */
const EVENTS_AT_ONCE = 500;

/** A table of what names are found by; `write` brings it up to `given`, if this process has moved the checkpoint. */
type Index = { checkpoint: string; of: (username: Username | null) => string[]; write: string };

const WORDS: Index = { checkpoint: 'words', of: wordsOf, write: 'select write_words_v1($4::json) from moved' };

/** What earlier releases read and write. It is fed as long as it is ahead, and so as long as find_users_v1 reads it. */
const EARLIER: Index = {
  checkpoint: 'search',
  of: nameTerms,
  write: `, given as (select g.* from moved, json_to_recordset($4::json) as g(user_id uuid, words text[], outdated_words text[])),
    removed as (
      delete from user_search s using given g, unnest(g.outdated_words) as o(term) where s.term = o.term and s.user_id = g.user_id
    ),
    added as (
      insert into user_search (term, user_id) select c.term, g.user_id from given g, unnest(g.words) as c(term) order by c.term, g.user_id
      on conflict do nothing
    )
    select name from moved`,
};

type Row = { position: number; stream: string; type: string; personal: Uint8Array | null };
type Page = { from: number; to: number; earlier_is_ahead: boolean };
type Terms = { user_id: string; words: string[]; outdated_words: string[] };

/**
 * Feeds the table that finds users by name from the log, a moment behind it, so that writing a user does not pay for it.
 * (Addresses, numbers and ids are found by the unique indexes of users.) Any number of processes may do so: whoever moves
 * the checkpoint has done the page.
 */
export const searchIndex = (database: Database, store: EventStore, onError: (error: unknown) => void): Poller => {
  /** A new user's name is in the event; for who changed or was deleted, all names that there ever were. */
  const termsFor = async ({ stream, type, personal }: Row, of: Index['of']): Promise<Terms | null> => {
    const user_id = userIdOfStream(stream);
    if (user_id === null) return null;
    if (type === 'UserCreated') {
      const { username } = (openPersonal(personal) ?? {}) as { username?: Username };
      return { user_id, words: of(username ?? null), outdated_words: [] };
    }
    const { current, outdated } = termsOf(await store.readStream(user_id, 0, Number.MAX_SAFE_INTEGER), of);
    return { user_id, words: current, outdated_words: outdated };
  };

  /** One page; `more` where another one may follow, and no other process has done this one. */
  const feed = async ({ checkpoint, of, write }: Index): Promise<{ more: boolean; earlier_is_ahead: boolean }> => {
    const rows = await database.query<Row & Page>(
      `select c.position as from, e.position as to, c.position < (select s.position from checkpoints s where s.name = $3) as earlier_is_ahead,
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
      const found = row.position === null ? null : await termsFor(row, of);
      if (found) terms.set(found.user_id, found);
    }
    const moved = await database.query(
      `with moved as (update checkpoints set position = $3 where name = $1 and position = $2 returning name) ${write}`,
      [checkpoint, from, to, JSON.stringify([...terms.values()])],
    );
    return { more: moved.length > 0 && to - from >= EVENTS_AT_ONCE, earlier_is_ahead };
  };

  const follow = async (): Promise<boolean> => {
    const { more, earlier_is_ahead } = await feed(WORDS);
    return (earlier_is_ahead && (await feed(EARLIER)).more) || more;
  };

  return new Poller(follow, POLL_MS, onError);
};
