import type { UserFilter, UserList } from '../../../domain/repositories/user-list.ts';
import type { SearchQuery } from '../../../domain/search/search-query.ts';
import type { Gate } from '../../concurrency/gate.ts';
import { retriedRead } from '../database/retried-read.ts';
import type { EventStore } from '../event-store/event-store.ts';

/** The arguments of find_users_v1. */
const questions = ({ words, email, phone, ids, term }: SearchQuery): unknown[] => [words, email, phone, ...(ids ?? [null, null]), term];

/** The conditions in SQL; `bind` makes a value a parameter of it. */
const conditionsOf = ({ email_key, phone_key, status, search, created_after }: UserFilter, bind: (value: unknown) => string): string[] => [
  status === null ? `u.status <> 'deleted'` : `u.status = ${bind(status)}`,
  ...(email_key === null ? [] : [`u.email_key = ${bind(email_key)}`]),
  ...(phone_key === null ? [] : [`u.phone_key = ${bind(phone_key)}`]),
  ...(search === null
    ? []
    : [
        // An array, so that who is found is looked up by id, and never all users gone through to find nobody.
        `u.user_id = any ((select find_users_v1(${questions(search).map(bind)}))::uuid[])`,
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

const bound = () => {
  const values: unknown[] = [];
  return { values, bind: (value: unknown): string => `$${values.push(value)}` };
};

/** Lists in the order of each user's first event. A page is one statement, with no OFFSET and no COUNT. Who cannot be looked up by a key waits in turn. */
export const userList = (store: EventStore, inTurn: Gate = (read) => read()): UserList => ({
  async page(filter, order, from, limit) {
    const { values, bind } = bound();
    const ascending = order === 'ascending';
    const where = conditionsOf(filter, bind);
    if (from !== null) where.push(`u.created_position ${ascending ? '>' : '<'} ${bind(from)}`);
    const condition = `${where.join(' and ')} order by u.created_position ${ascending ? 'asc' : 'desc'} limit ${bind(limit)}`;
    const read = () => retriedRead(() => store.list(condition, values));
    return filter.email_key === null && filter.phone_key === null ? inTurn(read) : read();
  },
});

/** How many meet the filter: goes through all of them, so it is for operators and not for requests. @throws StoreFailure */
export const countUsers = (store: EventStore, filter: UserFilter): Promise<number> => {
  const { values, bind } = bound();
  return store.count(conditionsOf(filter, bind).join(' and '), values);
};
