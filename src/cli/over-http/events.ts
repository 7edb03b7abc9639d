import { setTimeout as sleep } from 'node:timers/promises';
import { OwnError } from '../../domain/own-error.ts';
import type { CliContext } from '../context.ts';
import { type EventsOptions, writeEvent } from '../events.ts';
import { UsageError, userIdOf } from '../usage-error.ts';
import { ask, credentials, serviceAt } from './client.ts';

const AT_ONCE = 200;
const AGAIN_MS = 1_000;
const LOG_HAS_GONE_BACK = 4_409;

type AtUrl = { url: string };
type CloudEvent = {
  id: string;
  type: string;
  time: string;
  position: string;
  version: number;
  actor?: string;
  correlationid?: string;
  data: { changed?: string[]; personal?: object };
};
type Page = { items: CloudEvent[]; next_cursor: string | null };
type Message =
  | { op: 'subscribed'; position: string }
  | { op: 'error'; problem: { title?: string; code?: string } }
  | (CloudEvent & { op?: never });

/** The history of one user, or the live feed. */
export const events = async (context: CliContext, { url, follow = false, user, after = 0 }: AtUrl & EventsOptions): Promise<void> => {
  const base = serviceAt(url);
  const userId = user === undefined ? undefined : userIdOf(user, '--user');
  if (follow) return followFeed(context, base, userId, after);
  if (userId === undefined)
    throw new UsageError('the whole log is not offered over HTTP: with --url, events takes --user, --follow or both');
  let cursor: string | null = null;
  do {
    const query: URLSearchParams = new URLSearchParams({ limit: String(AT_ONCE), ...(cursor && { cursor }) });
    const page: Page = await ask<Page>(context, base, `/api/users/${userId}/events?${query}`);
    for (const event of page.items) if (Number(event.position) > after) writeEvent(context, asLogged(event));
    await context.drained();
    cursor = page.next_cursor;
  } while (cursor !== null);
};

/** In the form in which the log is printed, without personal data. */
const asLogged = ({ id, type, time, position, version, actor = '', correlationid, data }: CloudEvent) => {
  const { changed = [], personal: _, ...rest } = data;
  const [, name = type, schema = '1'] = /^lumin\.users\.(\w+)\.v(\d+)$/.exec(type) ?? [];
  return {
    position: Number(position),
    stream: id.replace(/:\d+$/, ''),
    version,
    type: name,
    schema_version: Number(schema),
    actor: actor || null,
    correlation_id: correlationid ?? null,
    data: rest,
    changed,
    at: time,
  };
};

/** Goes on from the last position whenever the connection is lost, until it is interrupted. */
const followFeed = async (context: CliContext, base: string, userId: string | undefined, from: number): Promise<void> => {
  const { signal, error } = context;
  // Says why, where the service is not there or lets nobody in; a WebSocket does not.
  await ask(context, base, '/health/ready');
  let after = String(from);
  let told = false;
  while (!signal.aborted) {
    const end = await oneConnection(context, base, { op: 'subscribe', ...(userId && { user_id: userId }), after }, (position) => {
      after = position;
      told = false;
    });
    if (signal.aborted) return;
    if (end.code === LOG_HAS_GONE_BACK) throw new OwnError('the log has lost events that were shown here: run it again from the beginning');
    if (end.refusal) throw new OwnError(end.refusal);
    if (!told) error('lumin: the connection is lost; it is tried again');
    told = true;
    await sleep(AGAIN_MS + AGAIN_MS * Math.random(), undefined, { signal }).catch(() => {});
  }
};

const oneConnection = (context: CliContext, base: string, subscription: object, seen: (position: string) => void) =>
  new Promise<{ code: number; refusal?: string }>((resolve) => {
    // Node's own takes headers, which those of browsers do not.
    const options = { headers: credentials(context.env) } as unknown as string[];
    const socket = new WebSocket(`${base.replace(/^http/, 'ws')}/ws`, options);
    const close = (): void => socket.close();
    let refusal: string | undefined;
    context.signal.addEventListener('abort', close, { once: true });
    socket.addEventListener('open', () => socket.send(JSON.stringify(subscription)));
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(data) as Message;
      if (message.op === 'error') {
        refusal = `${message.problem.title} (${message.problem.code})`;
        return socket.close();
      }
      if (message.op === undefined) writeEvent(context, asLogged(message));
      seen(message.position);
    });
    socket.addEventListener('error', () => {});
    socket.addEventListener('close', ({ code }) => {
      context.signal.removeEventListener('abort', close);
      resolve({ code, ...(refusal && { refusal }) });
    });
  });
