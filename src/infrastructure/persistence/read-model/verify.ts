import { isDeepStrictEqual } from 'node:util';
import { foldUser, USER_FOLD, type User, uniqueKeys } from '../../../domain/aggregates/user.ts';
import type { LoggedEvent } from '../../../domain/repositories/user-repository.ts';
import type { Database } from '../database/database.ts';
import { type EventStore, notUnderstood, type UserRow } from '../event-store/event-store.ts';
import { userIdOfStream } from '../event-store/stream-name.ts';
import { profileViewsChecker } from './verify-profile-views.ts';
import type { Violation } from './violation.ts';

export type Report = { users: number; events: number; violations: Violation[] };

const USERS_AT_ONCE = 200;
const EVENTS_AT_ONCE = 1_000;

/** What the log pass remembers of a user. */
type Seen = { version: number; deleted: boolean; email_key: string | null; phone_key: string | null };

/**
 * Reads the whole log once in order of position, then every row of the read model beside its events. Both go page by
 * page, also while the service runs: a page is one statement and so one snapshot.
 */
export const verify = async (database: Database, store: EventStore): Promise<Report> => {
  const violations: Violation[] = [];
  const views = profileViewsChecker(database, violations);
  const { events, seen } = await verifyLog(database, store, violations, views.checkEvents);
  await verifyReadModel(store, seen, violations);
  await views.checkCounts();
  await views.checkRows();
  return { users: seen.size, events, violations };
};

const verifyLog = async (
  database: Database,
  store: EventStore,
  violations: Violation[],
  checkPage: (page: readonly LoggedEvent[]) => Promise<void>,
) => {
  const seen = new Map<string, Seen>();
  const owners = new Map<string, string>();
  let position = 0;
  let events = 0;
  for (;;) {
    const page = await store.readLog(position, EVENTS_AT_ONCE);
    for (const event of page) {
      events++;
      if (event.position !== position + 1) {
        violations.push({ invariant: 'positions', user_id: null, reason: `position ${position} is followed by ${event.position}` });
      }
      position = event.position;
      const userId = userIdOfStream(event.stream);
      if (userId === null) continue;
      const before = seen.get(userId);
      const reason = versionMistake(before, event);
      if (reason) violations.push({ invariant: 'versions', user_id: userId, reason });
      const after = follow(before, event);
      seen.set(userId, after);
      for (const [kind, held, wanted] of [
        ['email', before?.email_key, after.email_key],
        ['phone', before?.phone_key, after.phone_key],
      ] as const) {
        if (held === wanted) continue;
        if (held && owners.get(`${kind} ${held}`) === userId) owners.delete(`${kind} ${held}`);
        const owner = wanted ? owners.get(`${kind} ${wanted}`) : undefined;
        if (owner !== undefined) {
          violations.push({
            invariant: 'unique-keys',
            user_id: userId,
            reason: `at position ${position} the ${kind} is owned by ${owner} too`,
          });
        }
        if (wanted) owners.set(`${kind} ${wanted}`, userId);
      }
    }
    await checkPage(page);
    if (page.length < EVENTS_AT_ONCE) break;
  }
  const [head] = await database.query<{ head: number; last: number | null }>(
    'select (select position from log_head) as head, (select max(position) from events) as last',
  );
  if (head && head.head !== (head.last ?? 0)) {
    violations.push({
      invariant: 'positions',
      user_id: null,
      reason: `the head is ${head.head}, the last event has position ${head.last ?? 0}`,
    });
  }
  return { events, seen };
};

const versionMistake = (before: Seen | undefined, { version, type }: LoggedEvent): string | null => {
  const expected = (before?.version ?? 0) + 1;
  if (version !== expected) return `version ${expected - 1} is followed by ${version}`;
  if ((version === 1) !== (type === 'UserCreated')) return `version ${version} is ${type}`;
  return before?.deleted ? `version ${version} comes after UserDeleted` : null;
};

/** The keys that the user holds after the event, as far as its personal part can still be read. */
const follow = (before: Seen | undefined, event: LoggedEvent): Seen => {
  const seen = before ?? { version: 0, deleted: false, email_key: null, phone_key: null };
  const { version, type } = event;
  if (type === 'UserDeleted') return { version, deleted: true, email_key: null, phone_key: null };
  const { email, phone } = event.personal as Partial<User>;
  const keys = uniqueKeys({ email: email ?? null, phone: phone ?? null } as User);
  return {
    ...seen,
    version,
    ...(email !== undefined && { email_key: keys.email_key }),
    ...(phone !== undefined && { phone_key: keys.phone_key }),
  };
};

const verifyReadModel = async (store: EventStore, seen: Map<string, Seen>, violations: Violation[]): Promise<void> => {
  const missing = new Set(seen.keys());
  let after: string | null = null;
  for (;;) {
    const page: { row: UserRow; events: LoggedEvent[] }[] = await store.readUsersWithEvents(after, USERS_AT_ONCE);
    for (const { row, events } of page) {
      missing.delete(row.user_id);
      const reason = rowMistake(row, events);
      if (reason) violations.push({ invariant: 'read-model', user_id: row.user_id, reason });
    }
    if (page.length < USERS_AT_ONCE) break;
    after = page.at(-1)?.row.user_id ?? null;
  }
  for (const userId of missing) violations.push({ invariant: 'read-model', user_id: userId, reason: 'has events but no row' });
};

const rowMistake = (row: UserRow, events: LoggedEvent[]): string | null => {
  if (events.length === 0) return 'has a row but no events';
  if (row.version !== events.length) return `the row has version ${row.version}, the log ${events.length}`;
  const unknown = notUnderstood(events);
  if (unknown)
    return `version ${unknown.version} is ${unknown.type}, which ${unknown.unreadable ? 'is damaged' : 'this release does not know'}`;
  const folded = foldUser(null, events);
  // A row of another release's fold is not read by this one; only its version and keys are.
  const differing = row.fold === USER_FOLD ? differingFields(row.state, folded) : [];
  const keys = { status: folded.status, ...uniqueKeys(folded) };
  differing.push(...(Object.keys(keys) as (keyof typeof keys)[]).filter((key) => row[key] !== keys[key]).map((key) => `column ${key}`));
  return differing.length === 0 ? null : `the row differs from the log in: ${differing.join(', ')}`;
};

const differingFields = (row: Partial<User>, folded: User): string[] => {
  const names = new Set([...Object.keys(row), ...Object.keys(folded)]) as Set<keyof User>;
  return [...names].filter((name) => !isDeepStrictEqual(row[name], folded[name]));
};
