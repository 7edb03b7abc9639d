import type { UserList } from '../../../domain/repositories/user-list.ts';
import type { SearchQuery } from '../../../domain/search/search-query.ts';
import type { Gate } from '../../concurrency/gate.ts';
import { retriedRead } from '../database/retried-read.ts';
import type { EventStore } from '../event-store/event-store.ts';

/** The arguments of find_users_v1. */
const questions = ({ words, email, phone, ids, term }: SearchQuery): unknown[] => [words, email, phone, ...(ids ?? [null, null]), term];

/** Lists in the order of each user's first event. A page is one statement, with no OFFSET and no COUNT. Who cannot be looked up by a key waits in turn. */
export const userList = (store: EventStore, inTurn: Gate = (read) => read()): UserList => ({
  async page({ email_key, phone_key, status, search, created_after }, order, from, limit) {
    const values: unknown[] = [];
    const bind = (value: unknown): string => `$${values.push(value)}`;
    const ascending = order === 'ascending';
    const where = [
      status === null ? `u.status <> 'deleted'` : `u.status = ${bind(status)}`,
      ...(email_key === null ? [] : [`u.email_key = ${bind(email_key)}`]),
      ...(phone_key === null ? [] : [`u.phone_key = ${bind(phone_key)}`]),
      ...(from === null ? [] : [`u.created_position ${ascending ? '>' : '<'} ${bind(from)}`]),
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
    const condition = `${where.join(' and ')} order by u.created_position ${ascending ? 'asc' : 'desc'} limit ${bind(limit)}`;
    const read = () => retriedRead(() => store.list(condition, values));
    return email_key === null && phone_key === null ? inTurn(read) : read();
  },
});
