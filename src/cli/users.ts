import { parseArgs } from 'node:util';
import { listUsers } from '../application/queries/list-users.ts';
import { Problem } from '../domain/problem.ts';
import type { StoredUser } from '../domain/repositories/user-repository.ts';
import { UserId } from '../domain/value-objects/user-id.ts';
import { type UserStatus, userStatuses } from '../domain/value-objects/user-status.ts';
import { userList } from '../infrastructure/persistence/repositories/user-list.ts';
import { isTerminal, write, writeRecords } from './output.ts';
import { withStore } from './store.ts';
import { UsageError } from './usage-error.ts';

const isStatus = (text: string): text is UserStatus => (userStatuses as readonly string[]).includes(text);

const get = (id: string | undefined): Promise<void> => {
  if (id === undefined) throw new UsageError('users get takes a user id');
  const userId = UserId(id);
  return withStore(async (store) => {
    const stored = (await store.load([userId])).get(userId);
    if (stored === undefined) throw new Error(`there is no user ${userId}`);
    if (stored instanceof Problem) throw stored;
    const user = { user_id: stored.user_id, version: stored.version, ...stored.user };
    if (!isTerminal()) return write(JSON.stringify(user));
    writeRecords(
      Object.entries(user).map(([field, value]) => ({ field, value })),
      ['field', 'value'],
    );
  });
};

const list = (args: string[]): Promise<void> => {
  const options = {
    status: { type: 'string' },
    q: { type: 'string' },
    email: { type: 'string' },
    phone: { type: 'string' },
    limit: { type: 'string' },
  } as const;
  const { status, limit = '50', ...filters } = parseArgs({ args, options }).values;
  if (status !== undefined && !isStatus(status)) throw new UsageError(`--status takes one of ${userStatuses.join(', ')}`);
  if (!/^[1-9]\d{0,4}$/.test(limit)) throw new UsageError('--limit takes a number from 1 to 99999');
  return withStore(async (store) => {
    const request = {
      ...filters,
      status,
      sort: '-created_at',
      limit: Number(limit),
      from: null,
    } as const;
    const { users } = await listUsers(userList(store))(request);
    writeRecords(users.map(summary), ['user_id', 'status', 'version', 'name', 'email', 'phone', 'created_at']);
  });
};

const summary = ({ user_id, version, user }: StoredUser) => ({
  user_id,
  status: user.status,
  version,
  name: user.username && [user.username.first_name, user.username.last_name].filter(Boolean).join(' '),
  email: user.email,
  phone: user.phone,
  created_at: user.created_at,
});

export const users = async ([action, ...args]: string[]): Promise<void> => {
  if (action === 'get') return get(args[0]);
  if (action === 'list') return list(args);
  throw new UsageError('users takes get <id> or list');
};
