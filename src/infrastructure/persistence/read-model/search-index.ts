import { setImmediate as turn } from 'node:timers/promises';
import { OwnError } from '../../../domain/own-error.ts';
import { nameTerms } from '../../../domain/search/search-terms.ts';
import { wordsOf } from '../../../domain/search/words.ts';
import type { Username } from '../../../domain/value-objects/username.ts';
import type { Outage } from '../../concurrency/outage.ts';
import { Poller } from '../../concurrency/poller.ts';
import { type Database, StoreFailure } from '../database/database.ts';
import { EVENT_BYTES, PAGE_BYTES } from '../event-store/event-store.ts';
import { openPersonal } from '../event-store/personal-data.ts';
import { userIdOfStream } from '../event-store/stream-name.ts';

const POLL_MS = 250;
/** A page is small, because the embedded database does nothing else meanwhile. */
const EVENTS_AT_ONCE = 500;

/** A table of what names are found by; `write` brings it up to `given`, if this process has moved the checkpoint. */
type Index = { checkpoint: string; atOnce: number; of: (username: Username | null) => string[]; write: string };

const WORDS: Index = { checkpoint: 'words', atOnce: EVENTS_AT_ONCE, of: wordsOf, write: 'select write_words_v1($4::json) from moved' };

/** What earlier releases read and write. It is fed as long as it is ahead, and so as long as find_users_v1 reads it. */
const EARLIER: Index = {
  checkpoint: 'search',
  // Its terms grow with the square of a name's words.
  atOnce: 100,
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

/** An event that may change a name, with the one that gave the user the name before. */
type Row = { position: number; stream: string; personal: Uint8Array | null; before: Uint8Array | null; too_large: boolean };
type Page = { from: number; to: number; to_event: string; followed: boolean; earlier_is_ahead: boolean };
type Progress = { more: boolean; earlier_is_ahead: boolean };

/** What an event is, of whatever position. The log may have gone back since a page of it was read, and its positions may be those of others now. */
const EVENT = `concat_ws(' ', x.stream, x.version, x.at)`;

const NAMING = `('UserCreated', 'UserUsernameChanged')`;

const nameIn = (personal: Uint8Array | null): Username | null =>
  (openPersonal(personal) as { username?: Username } | undefined)?.username ?? null;

type Options = {
  database: Database;
  away: Pick<Outage, 'report' | 'over'>;
  /** Told of an event that a table cannot take in: of this checkpoint, at this position. */
  onSkipped?: (checkpoint: string, position: number, error: unknown) => void;
};

/**
 * Feeds the table that finds users by name from the log, a moment behind it, so that writing a user does not pay for it.
 * (Addresses, numbers and ids are found by the unique indexes of users.) Any number of processes may do so: whoever moves
 * the checkpoint has done the page.
 */
export const searchIndex = ({ database, away, onSkipped = () => {} }: Options): Poller => {
  /** By user, what the page makes current and outdated. At the checkpoint the table holds the words of the names given until then. */
  const termsIn = async (rows: readonly Row[], of: Index['of']) => {
    const terms = new Map<string, { user_id: string; words: string[]; outdated: Set<string> }>();
    for (const [index, { stream, personal, before, too_large }] of rows.entries()) {
      // Long names take their time, and requests are not to wait for a whole page of them.
      if (index % 50 === 49) await turn();
      const user_id = userIdOfStream(stream);
      if (user_id === null) continue;
      if (too_large) throw new OwnError('an event is too large to be searched in');
      const outdated = terms.get(user_id)?.outdated ?? new Set();
      for (const word of of(nameBefore(before))) outdated.add(word);
      terms.set(user_id, { user_id, words: of(nameIn(personal)), outdated });
    }
    return [...terms.values()].map(({ user_id, words, outdated }) => {
      const current = new Set(words);
      return { user_id, words, outdated_words: [...outdated].filter((word) => !current.has(word)) };
    });
  };

  /** One page of at most so many events; `more` where another one follows, and no other process has done this one. */
  const feedPage = async ({ checkpoint, of, write }: Index, limit: number): Promise<Progress> => {
    const rows = await database.query<Row & Page>(
      `select c.position as from, e.position as to, (select ${EVENT} from events x where x.position = e.position) as to_event, coalesce(e.followed, false) as followed,
         c.position < (select s.position from checkpoints s where s.name = $3) as earlier_is_ahead,
         n.position, n.stream, octet_length(n.personal) > $5 as too_large,
         case when octet_length(n.personal) <= $5 then n.personal end as personal,
         case when octet_length(b.personal) <= $5 then b.personal end as before
       from checkpoints c
       left join lateral (
         select s.position, s.followed from (
           select p.position, lead(p.position) over w is not null as followed, sum(p.size) over w - p.size as size_before, row_number() over w as place
           from (
             select position, case when type in ${NAMING} then coalesce(octet_length(personal), 0) else 0 end as size
             from events where position > c.position order by position limit $2 + 1
           ) p window w as (order by p.position)
         ) s where s.size_before < $4 and s.place <= $2 order by s.position desc limit 1
       ) e on true
       left join lateral (
         select * from events n where n.position > c.position and n.position <= e.position
           and (n.type in ${NAMING} or n.type = 'UserDeleted')
       ) n on true
       left join lateral (
         select b.personal from events b where n.type <> 'UserCreated' and b.stream = n.stream and b.version < n.version and b.type in ${NAMING}
         order by b.version desc limit 1
       ) b on true
       where c.name = $1
       order by n.position`,
      [checkpoint, limit, EARLIER.checkpoint, PAGE_BYTES, EVENT_BYTES],
    );
    const [first] = rows;
    if (first === undefined || first.to === null) return { more: false, earlier_is_ahead: first?.earlier_is_ahead ?? false };
    const { from, to, to_event, followed, earlier_is_ahead } = first;
    const terms = await termsIn(
      rows.filter(({ position }) => position !== null),
      of,
    );
    const moved = await database.query(
      `with moved as (
         update checkpoints set position = $3
         where name = $1 and position = $2 and (select ${EVENT} from events x where x.position = $3) = $5
         returning name
       ) ${write}`,
      [checkpoint, from, to, JSON.stringify(terms), to_event],
    );
    return { more: moved.length > 0 && followed, earlier_is_ahead };
  };

  const positionOf = async (checkpoint: string): Promise<number> => {
    const [row] = await database.query<{ position: number }>('select position from checkpoints where name = $1', [checkpoint]);
    return row?.position ?? 0;
  };

  /** Goes on behind the event that follows `from`, and keeps in mind that it was left out; does nothing where another process has done so. */
  const passOver = async (checkpoint: string, from: number, reason: unknown): Promise<void> => {
    const [skipped] = await database.query<{ position: number }>(
      `with next as (select position from events where position > $2 order by position limit 1),
       moved as (update checkpoints c set position = n.position from next n where c.name = $1 and c.position = $2 returning c.position)
       insert into skipped (name, position) select $1, m.position from moved m on conflict do nothing returning position`,
      [checkpoint, from],
    );
    if (skipped) onSkipped(checkpoint, skipped.position, reason);
  };

  /** A page that fails is halved until the one event is found that makes it fail; nothing else waits for that one. */
  const feed = async (index: Index): Promise<Progress> => {
    for (let limit = index.atOnce; ; limit = Math.ceil(limit / 2)) {
      // Before the try: what fails is what follows it, wherever other processes have got to by then.
      const from = limit === 1 ? await positionOf(index.checkpoint) : 0;
      try {
        return await feedPage(index, limit);
      } catch (error) {
        if (!isOfEvents(error) && !(limit > 1 && isOfSize(error))) throw error;
        if (limit > 1) continue;
        await passOver(index.checkpoint, from, error);
        return { more: true, earlier_is_ahead: false };
      }
    }
  };

  const follow = async (): Promise<boolean> => {
    const { more, earlier_is_ahead } = await feed(WORDS);
    return (earlier_is_ahead && (await feed(EARLIER)).more) || more;
  };

  return new Poller(follow, POLL_MS, away);
};

/** Whether it lies in the events themselves: in what is read from them, or in values that the table cannot hold. */
const isOfEvents = (error: unknown): boolean => !(error instanceof StoreFailure) || /^(?:2[123]|54)/.test(error.sqlstate ?? '');

/** Whether fewer events could do: the statement took too long, or too much memory. */
const isOfSize = (error: unknown): boolean => error instanceof StoreFailure && /^(?:57014|53200)$/.test(error.sqlstate ?? '');

/** How many events search goes on without. @throws StoreFailure */
export const skippedEvents = async (database: Database): Promise<number> => {
  const [row] = await database.query<{ count: number }>('select count(*) as count from skipped');
  return row?.count ?? 0;
};

/** What cannot be read has been passed over, so nothing of it is in the table. */
const nameBefore = (personal: Uint8Array | null): Username | null => {
  try {
    return nameIn(personal);
  } catch {
    return null;
  }
};
