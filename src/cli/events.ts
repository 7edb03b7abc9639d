import { setTimeout as sleep } from 'node:timers/promises';
import type { LoggedEvent } from '../domain/repositories/user-repository.ts';
import type { CliContext } from './context.ts';
import { fitted, GAP, printable } from './table.ts';
import { userIdOf } from './usage-error.ts';

const AT_ONCE = 500;
const POLL_MS = 250;
/** From here on a terminal has room for whole ids. */
const WIDE = 120;

export type EventsOptions = { follow?: boolean; after?: number; user?: string };

/** The log in order of position, without personal data; with --follow, what is written from now on as well. */
export const events = async (context: CliContext, { follow = false, after = 0, user }: EventsOptions): Promise<void> => {
  const userId = user === undefined ? null : userIdOf(user, '--user');
  const { signal } = context;
  await context.withStore(async (store) => {
    let position = after;
    while (!signal.aborted) {
      const page = await store.readLog(position, AT_ONCE);
      for (const event of page) {
        if (userId === null || event.user_id === userId) writeEvent(context, withoutPerson(event));
      }
      await context.drained();
      position = page.at(-1)?.position ?? position;
      if (page.length === AT_ONCE) continue;
      if (!follow) return;
      await sleep(POLL_MS, undefined, { signal }).catch(() => {});
    }
  });
};

type Line = { position: string | number; at: string; stream: string; version: number; type: string; changed: readonly string[] };

export const writeEvent = (context: CliContext, event: Line): void =>
  context.write(context.terminal ? eventLine(context, event) : JSON.stringify(event));

/** On one line of a terminal. An id is found by its first eight characters too. */
const eventLine = ({ columns, paint }: Pick<CliContext, 'columns' | 'paint'>, event: Line): string => {
  const { position, at, stream, version, type, changed } = event;
  const [time, name] = columns < WIDE ? [`${at.slice(0, 19)}Z`, stream.replace(/^(\w+-[\da-f]{8})-.*/, '$1…')] : [at, stream];
  const parts = [String(position).padStart(8), time, name, `v${version}`, type, changed.join(', ')].map(printable);
  let room = columns;
  const [place, when, whose, which, what, fields] = parts.map((part) => {
    const shown = room > 0 ? fitted(part, room) : '';
    room -= shown.length + GAP.length;
    return shown;
  }) as [string, string, string, string, string, string];
  return [place, paint.dim(when), whose, paint.dim(which), what, paint.dim(fields)].join(GAP).trimEnd();
};

const withoutPerson = ({ personal: _, user_id: __, ...event }: LoggedEvent) => event;
