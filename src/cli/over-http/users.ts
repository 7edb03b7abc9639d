import type { User } from '../../domain/aggregates/user.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';
import type { CliContext } from '../context.ts';
import { userIdOf } from '../usage-error.ts';
import { type ListOptions, summary, tellCut, writePages, writeUser } from '../users.ts';
import { ask, serviceAt } from './client.ts';

/** The largest page that the API gives. */
const AT_ONCE = 200;

type AtUrl = { url: string };
type Answered = User & { user_id: UserId; version: number };

export const get = async (context: CliContext, { id, url }: AtUrl & { id: string }): Promise<void> => {
  writeUser(context, await ask<Answered>(context, serviceAt(url), `/api/users/${userIdOf(id)}`));
};

/** How many there are in all, the API does not say. */
export const list = async (context: CliContext, { url, limit, all = false, ...filters }: AtUrl & ListOptions): Promise<void> => {
  const base = serviceAt(url);
  const most = all ? Number.POSITIVE_INFINITY : limit;
  const { written, cut } = await writePages<string>(context, most, async (cursor, room) => {
    const query = new URLSearchParams({ ...filters, limit: String(Math.min(AT_ONCE, room)), ...(cursor && { cursor }) });
    const { items, next_cursor } = await ask<{ items: Answered[]; next_cursor: string | null }>(context, base, `/api/users?${query}`);
    return { users: items.map((user) => summary({ user_id: user.user_id, version: user.version, user })), next: next_cursor };
  });
  if (cut) tellCut(context, `the first ${written}, and there are more`);
};
