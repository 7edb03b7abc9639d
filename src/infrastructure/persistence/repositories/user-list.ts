import { Problem } from '../../../domain/problem.ts';
import type { UserList } from '../../../domain/repositories/user-list.ts';
import { StoreFailure } from '../database/database.ts';
import { retriedRead } from '../database/retried-read.ts';
import type { EventStore } from '../event-store/event-store.ts';

const STATEMENT_TIMEOUT = '57014';
/** In byte order no text that begins with the prefix comes after the prefix and this. */
const LAST_CHARACTER = '\u{10FFFF}';

/** An array, so that what is found is looked up by id, and never all users gone through to find nothing. */
const foundBy = (from: string, to: string): string =>
  `u.user_id = any (array(
    select s.user_id from user_search s where s.term >= ${from} and s.term < ${to}
    union select e.user_id from users e where e.email_key >= ${from} and e.email_key < ${to}
    union select p.user_id from users p where p.phone_key >= ${from} and p.phone_key < ${to}
  ))`;

/** Lists in the order of each user's first event. A page is one statement, with no OFFSET and no COUNT. */
export const userList = (store: EventStore): UserList => ({
  async page({ email_key, phone_key, status, prefix, created_after }, order, from, limit) {
    const values: unknown[] = [];
    const bind = (value: unknown): string => `$${values.push(value)}`;
    const ascending = order === 'ascending';
    const where = [
      status === null ? `u.status <> 'deleted'` : `u.status = ${bind(status)}`,
      ...(email_key === null ? [] : [`u.email_key = ${bind(email_key)}`]),
      ...(phone_key === null ? [] : [`u.phone_key = ${bind(phone_key)}`]),
      ...(from === null ? [] : [`u.created_position ${ascending ? '>' : '<'} ${bind(from)}`]),
      ...(prefix === null
        ? []
        : [
            foundBy(bind(prefix), bind(prefix + LAST_CHARACTER)),
            `u.status <> 'deleted'`,
            `(u.state->'privacy_settings'->>'allow_search')::boolean`,
          ]),
      ...(created_after === null
        ? []
        : [
            // The first condition finds the place in the log where the time may begin, the second one decides.
            `u.created_position > (select position_before_v1(${bind(created_after)}::timestamptz))`,
            `(u.state->>'created_at')::timestamptz > ${bind(created_after)}::timestamptz`,
          ]),
    ];
    const condition = `${where.join(' and ')} order by u.created_position ${ascending ? 'asc' : 'desc'} limit ${bind(limit)}`;
    try {
      return await retriedRead(() => store.list(condition, values));
    } catch (error) {
      const tooLong = error instanceof Problem && error.cause instanceof StoreFailure && error.cause.sqlstate === STATEMENT_TIMEOUT;
      throw tooLong ? new Problem('search-too-broad', {}, { cause: error }) : error;
    }
  },
});
