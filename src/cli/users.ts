import { filterOf, listUsers } from '../application/queries/list-users.ts';
import { OwnError } from '../domain/own-error.ts';
import { Problem } from '../domain/problem.ts';
import type { StoredUser } from '../domain/repositories/user-repository.ts';
import type { UserStatus } from '../domain/value-objects/user-status.ts';
import { countUsers, userList } from '../infrastructure/persistence/repositories/user-list.ts';
import type { CliContext } from './context.ts';
import { userIdOf } from './usage-error.ts';

const AT_ONCE = 500;

export type UserFilter = { status?: UserStatus; q?: string; email?: string; phone?: string };
export type ListOptions = UserFilter & { limit: number; all?: boolean };

export const get = async (context: CliContext, { id }: { id: string }): Promise<void> => {
  const userId = userIdOf(id);
  await context.withStore(async (store) => {
    const stored = (await store.load([userId])).get(userId);
    if (stored === undefined) throw new OwnError(`there is no user ${userId}`);
    if (stored instanceof Problem) throw stored;
    writeUser(context, { user_id: stored.user_id, version: stored.version, ...stored.user });
  });
};

/** All fields of one user: below each other on a terminal. */
export const writeUser = (context: CliContext, user: object): void => {
  if (!context.terminal) return context.write(JSON.stringify(user));
  context.writeRecords(
    Object.entries(user).map(([field, value]) => ({ field, value })),
    ['field', 'value'],
  );
};

/** Users, latest first, and in the end how many there are where not all of them were asked for. */
export const list = async (context: CliContext, { limit, all = false, ...filters }: ListOptions): Promise<void> => {
  await context.withStore(async (store) => {
    const page = listUsers(userList(store));
    const request = { ...filters, sort: '-created_at' } as const;
    const { written, cut } = await writePages<number>(context, all ? Number.POSITIVE_INFINITY : limit, async (from, most) => {
      const { users, next } = await page({ ...request, limit: most, from });
      return { users: users.map(summary), next };
    });
    if (cut) tellCut(context, `${written} of ${(await countUsers(store, filterOf(request))).toLocaleString('en-US')}`);
  });
};

type Page<From> = (from: From | null, most: number) => Promise<{ users: Summary[]; next: From | null }>;

/** Page by page, so that neither side holds all of them. Returns whether there are more. */
export const writePages = async <From>(
  context: CliContext,
  limit: number,
  page: Page<From>,
): Promise<{ written: number; cut: boolean }> => {
  let written = 0;
  let next: From | null = null;
  do {
    const found: Awaited<ReturnType<Page<From>>> = await page(next, Math.min(AT_ONCE, limit - written));
    context.writeRecords(found.users, COLUMNS);
    await context.drained();
    written += found.users.length;
    next = found.next;
  } while (next !== null && written < limit && !context.signal.aborted);
  return { written, cut: next !== null };
};

/** A list that is cut says so; beside the JSON lines, where whoever reads them is not disturbed. */
export const tellCut = ({ terminal, write, error, paint }: CliContext, howMany: string): void => {
  const line = `${howMany} (--limit, --all)`;
  if (terminal) write(paint.dim(line));
  else error(line);
};

const COLUMNS = ['user_id', 'status', 'name', 'email', 'phone', 'version', 'created_at'] as const;

type Summary = ReturnType<typeof summary>;

/** What a list shows of a user. */
export const summary = ({ user_id, version, user }: Pick<StoredUser, 'user_id' | 'version'> & { user: Listed }) => ({
  user_id,
  status: user.status,
  version,
  name: user.username && [user.username.first_name, user.username.last_name].filter(Boolean).join(' '),
  email: user.email,
  phone: user.phone,
  created_at: user.created_at,
});

type Listed = Pick<StoredUser['user'], 'status' | 'username' | 'email' | 'phone' | 'created_at'>;
