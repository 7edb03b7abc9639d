import type { User } from '../../domain/aggregates/user.ts';
import { Problem } from '../../domain/problem.ts';
import type { UserFilter, UserList } from '../../domain/repositories/user-list.ts';
import type { StoredUser } from '../../domain/repositories/user-repository.ts';
import { type SearchQuery, searchQuery } from '../../domain/search/search-query.ts';
import { Email, emailKey } from '../../domain/value-objects/email.ts';
import { Phone } from '../../domain/value-objects/phone.ts';

export type ListRequest = Readonly<{
  email?: string | undefined;
  phone?: string | undefined;
  status?: User['status'] | undefined;
  /** Words of a name, the beginning of an address, of a number or of an id. */
  q?: string | undefined;
  created_after?: Date | undefined;
  sort: 'created_at' | '-created_at';
  limit: number;
  /** The position after (or, descending, before) which the page begins. */
  from: number | null;
}>;

type Filters = Omit<ListRequest, 'sort' | 'limit' | 'from'>;

/** @throws InvalidValue where email or phone is none; Problem validation-failed */
export const filterOf = ({ email, phone, status, q, created_after }: Filters): UserFilter => ({
  email_key: email === undefined ? null : emailKey(Email(email)),
  phone_key: phone === undefined ? null : Phone(phone),
  status: status ?? null,
  search: q === undefined ? null : searchOf(q),
  created_after: created_after ?? null,
});

/**
 * One page of users; `next` is the position to go on from.
 * @throws InvalidValue where email or phone is none; Problem validation-failed, store-busy
 */
export const listUsers =
  (list: UserList) =>
  async ({ sort, limit, from, ...filters }: ListRequest): Promise<{ users: StoredUser[]; next: number | null }> => {
    const { users, positions } = await list.page(filterOf(filters), sort === 'created_at' ? 'ascending' : 'descending', from, limit + 1);
    return {
      users: users.slice(0, limit).filter((user) => user !== null),
      next: users.length > limit ? (positions[limit - 1] ?? null) : null,
    };
  };

/** @throws Problem validation-failed where nothing is left that could be searched for */
const searchOf = (q: string): SearchQuery => {
  const search = searchQuery(q);
  if (search !== null) return search;
  const detail = 'must have two characters or more that are not spaces';
  throw new Problem('validation-failed', { errors: [{ pointer: '/q', code: 'too-short', detail }] });
};
