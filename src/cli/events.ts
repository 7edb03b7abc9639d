import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { LoggedEvent } from '../domain/repositories/user-repository.ts';
import { UserId } from '../domain/value-objects/user-id.ts';
import { dim, isTerminal, write } from './output.ts';
import { withStore } from './store.ts';
import { UsageError } from './usage-error.ts';

const AT_ONCE = 500;
const POLL_MS = 250;

/** The log in order of position, without personal data; with --follow, what is written from now on as well. */
export const events = async (args: string[]): Promise<void> => {
  const { values } = parseArgs({ args, options: { follow: { type: 'boolean' }, after: { type: 'string' }, user: { type: 'string' } } });
  if (values.after !== undefined && !/^\d{1,15}$/.test(values.after)) throw new UsageError('--after takes a position');
  const userId = values.user === undefined ? null : UserId(values.user);
  let stopped = false;
  process.once('SIGINT', () => {
    stopped = true;
  });
  await withStore(async (store) => {
    let position = Number(values.after ?? 0);
    while (!stopped) {
      const page = await store.readLog(position, AT_ONCE);
      for (const event of page) if (userId === null || event.user_id === userId) write(isTerminal() ? readable(event) : json(event));
      position = page.at(-1)?.position ?? position;
      if (page.length === AT_ONCE) continue;
      if (!values.follow) return;
      await sleep(POLL_MS);
    }
  });
};

const readable = ({ position, at, stream, version, type, changed }: LoggedEvent): string =>
  `${String(position).padStart(8)}  ${dim(at)}  ${stream} ${dim(`v${version}`)}  ${type}${changed.length > 0 ? dim(` ${changed.join(', ')}`) : ''}`;

const json = ({ personal: _, user_id: __, ...event }: LoggedEvent): string => JSON.stringify(event);
