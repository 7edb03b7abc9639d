import type { User } from '../../domain/aggregates/user.ts';
import { Problem } from '../../domain/problem.ts';
import type { UserList } from '../../domain/repositories/user-list.ts';
import type { StoredUser } from '../../domain/repositories/user-repository.ts';
import { searchForm } from '../../domain/search/search-terms.ts';
import { Email, emailKey } from '../../domain/value-objects/email.ts';
import { Phone } from '../../domain/value-objects/phone.ts';

export type ListRequest = Readonly<{
  email?: string | undefined;
  phone?: string | undefined;
  status?: User['status'] | undefined;
  /** The beginning of a name, an email address or a phone number. */
  q?: string | undefined;
  created_after?: Date | undefined;
  sort: 'created_at' | '-created_at';
  limit: number;
  /** The position after (or, descending, before) which the page begins. */
  from: number | null;
}>;

/**
 * One page of users; `next` is the position to go on from.
 * @throws InvalidValue where email or phone is none; Problem validation-failed, search-too-broad
 */
export const listUsers =
  (list: UserList) =>
  async ({
    email,
    phone,
    status,
    q,
    created_after,
    sort,
    limit,
    from,
  }: ListRequest): Promise<{ users: StoredUser[]; next: number | null }> => {
    const filter = {
      email_key: email === undefined ? null : emailKey(Email(email)),
      phone_key: phone === undefined ? null : Phone(phone),
      status: status ?? null,
      prefix: q === undefined ? null : prefixOf(q),
      created_after: created_after ?? null,
    };
    const { users, positions } = await list.page(filter, sort === 'created_at' ? 'ascending' : 'descending', from, limit + 1);
    return {
      users: users.slice(0, limit).filter((user) => user !== null),
      next: users.length > limit ? (positions[limit - 1] ?? null) : null,
    };
  };

/** One character of these scripts may be a name. */
const WHOLE_NAME = /^[\p{Script=Han}\p{Script=Hangul}]$/u;

/** @throws Problem validation-failed where nothing is left that could be searched for */
const prefixOf = (q: string): string => {
  const form = searchForm(q);
  // A number as people write it.
  const prefix = /^\+[\d ().-]+$/.test(form) ? form.replace(/[^+\d]/g, '') : form;
  const enough = [...prefix].length >= 2 || WHOLE_NAME.test(prefix);
  if (enough && !prefix.includes('\0')) return prefix;
  const detail = 'must have two characters or more that are not spaces';
  throw new Problem('validation-failed', { errors: [{ pointer: '/q', code: 'too-short', detail }] });
};
