import { foldUser, USER_FOLD, uniqueKeys } from '../../../domain/aggregates/user.ts';
import type { LoggedEvent } from '../../../domain/repositories/user-repository.ts';
import { termsOf } from '../../../domain/search/search-terms.ts';
import { wordsOf } from '../../../domain/search/words.ts';
import type { UserId } from '../../../domain/value-objects/user-id.ts';
import type { Database } from '../database/database.ts';
import { type EventStore, notUnderstood } from '../event-store/event-store.ts';
import { streamOf } from '../event-store/stream-name.ts';
import { rebuildProfileViewers } from './rebuild-profile-viewers.ts';

const USERS_AT_ONCE = 500;

/**
 * Makes the read model again from the log, in place and while the service runs: at most 500 users at a time, each page
 * in one transaction under the head row, so that no reader sees a half state. At the end the generation is raised, and
 * every cache drops what it has. Returns the number of users.
 */
export const rebuild = async (
  database: Database,
  store: EventStore,
  onProgress: (done: number, total: number) => void,
): Promise<number> => {
  const total = await count(database);
  let again: UserId[] = [];
  let done = 0;
  let page = await store.readUserIds(null, USERS_AT_ONCE);
  while (page.length > 0) {
    again.push(...(await rebuildUsers(database, store, page)));
    done += page.length;
    onProgress(done, Math.max(total, done));
    page = await store.readUserIds(page.at(-1) ?? null, USERS_AT_ONCE);
  }
  while (again.length > 0) {
    const left = again.slice(USERS_AT_ONCE);
    again = [...left, ...(await rebuildUsers(database, store, again.slice(0, USERS_AT_ONCE)))];
  }
  await rebuildProfileViewers(database);
  await database.query('update deployment set generation = generation + 1');
  return done;
};

const count = async (database: Database): Promise<number> => {
  const [row] = await database.query<{ count: number }>('select count(*) as count from users');
  return row?.count ?? 0;
};

/** Returns the users to look at once more. */
const rebuildUsers = async (database: Database, store: EventStore, userIds: readonly UserId[]): Promise<UserId[]> => {
  // A user whose last event is of a newer release keeps the row that that release made; one whose stream is damaged, the last good one.
  const streams = (await store.readStreams(userIds)).filter(({ events }) => !notUnderstood(events));
  const rows = await database.query<{ user_id: UserId }>('select r.user_id from rebuild_v2($1::json) as r(user_id)', [
    JSON.stringify(streams.map(toRow)),
  ]);
  await database.query('delete from skipped s using events e where e.position = s.position and e.stream = any ($1::text[])', [
    streams.map(({ user_id }) => streamOf(user_id)),
  ]);
  return rows.map(({ user_id }) => user_id);
};

/** Version 0 stands for no events. */
const toRow = ({ user_id, events }: { user_id: UserId; events: LoggedEvent[] }) => {
  const [first] = events;
  const last = events.at(-1);
  const { current: words, outdated: outdated_words } = termsOf(events, wordsOf);
  if (first === undefined || last === undefined) return { user_id, version: 0, words, outdated_words };
  const state = foldUser(null, events);
  return {
    user_id,
    version: last.version,
    fold: USER_FOLD,
    status: state.status,
    ...uniqueKeys(state),
    state,
    created_position: first.position,
    position: last.position,
    words,
    outdated_words,
  };
};
