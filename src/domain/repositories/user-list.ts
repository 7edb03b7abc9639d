import type { User } from '../aggregates/user.ts';
import type { SearchQuery } from '../search/search-query.ts';
import type { StoredUser } from './user-repository.ts';

/** Which users to list. Keys are normalised as they are stored; null is no condition. */
export type UserFilter = Readonly<{
  email_key: string | null;
  phone_key: string | null;
  status: User['status'] | null;
  search: SearchQuery | null;
  created_after: Date | null;
}>;

export interface UserList {
  /**
   * One page by the position of each user's first event, from beyond `from`, in one statement. Null stands for a user whom
   * only a newer release can read.
   * @throws Problem store-busy where the statement's time limit is over
   */
  page(
    filter: UserFilter,
    order: 'ascending' | 'descending',
    from: number | null,
    limit: number,
  ): Promise<{ users: (StoredUser | null)[]; positions: number[] }>;
}
