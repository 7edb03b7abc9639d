// Keeps a copy of all users in a file, from the list of the API and the events in NATS: docs/how-to/keep-a-copy.md.
// node keep-a-copy.ts, with Node.js 22.19 or later, @nats-io/transport-node and @nats-io/jetstream.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { AckPolicy, type JsMsg, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

const {
  LUMIN_URL = 'http://localhost:8000',
  NATS_URL = 'nats://localhost:4222',
  NATS_STREAM = 'lumin-events',
  NATS_SUBJECT_PREFIX = 'lumin',
  CONSUMER = 'copy-of-users',
  COPY_FILE = 'copy.json',
} = process.env;
const BATCH = 500;
const LOOK_UPS_AT_ONCE = 8;

type User = { user_id: string; username: { first_name: string; last_name: string | null }; status: string; version: number };
type Page = { items: User[]; next_cursor: string | null };
type Event = { id: string; type: string; subject: string; position: string; version: number };
type Copy = {
  /** How far the stream was before the users were listed: what is missing below is in the list. */
  listed: number;
  /** Of the last event that is in the copy; null until the first one is. */
  position: number | null;
  /** `user` is null for one who was deleted: the version remains, so that older events are known for what they are. */
  users: Record<string, { version: number; user: User | null }>;
};

/** What the copy was made from is no longer what the service has, or the events do not lead on from it. */
class Lost extends Error {}

/** The service itself gives up after 9 seconds and says so: who waits 15 gets that answer. */
const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${LUMIN_URL}${path}`, { headers, signal: AbortSignal.timeout(15_000) });

/** Users as the database has them. Those who were deleted are not in a list unless it asks for them. */
async function* list(filter = ''): AsyncGenerator<User> {
  for (let cursor: string | null = ''; cursor !== null; ) {
    const response: Response = await get(`/api/users?limit=200${filter}${cursor && `&cursor=${cursor}`}`);
    if (!response.ok) throw new Error(`the list was answered with ${response.status}`);
    const page = (await response.json()) as Page;
    yield* page.items;
    cursor = page.next_cursor;
  }
}

/** The user whom an event is about, as the database has them, and no older than the event. */
const lookUp = async ({ subject, version }: Event): Promise<Copy['users'][string]> => {
  const response = await get(`/api/users/${subject}`, { 'cache-control': 'no-cache' });
  if (response.status === 410) return { version, user: null };
  if (response.status === 404) throw new Lost(`the service does not know ${subject}`);
  if (!response.ok) throw new Error(`the look-up of ${subject} was answered with ${response.status}`);
  const user = (await response.json()) as User;
  if (user.version < version) throw new Lost(`the service has version ${user.version} of ${subject}, an event told of ${version}`);
  return { version: user.version, user };
};

/** A place of yours, where data and position are stored together. In a database: in one transaction. */
const save = async (copy: Copy): Promise<void> => {
  await writeFile(`${COPY_FILE}.new`, JSON.stringify(copy));
  await rename(`${COPY_FILE}.new`, COPY_FILE);
};
const load = (): Promise<Copy | null> => readFile(COPY_FILE, 'utf8').then(JSON.parse, () => null);

const nats = await connect({ servers: NATS_URL, maxReconnectAttempts: -1, waitOnFirstConnect: true });
const { consumers, streams } = await jetstreamManager(nats, { checkAPI: false });

/** The durable consumer, or null where it has gone, alone or with its stream. */
const find = () =>
  jetstream(nats)
    .consumers.get(NATS_STREAM, CONSUMER)
    .catch((error) => {
      if (/not found/.test(error.message)) return null;
      throw error;
    });

/** First the consumer, then the list: so an event that the list does not show is one that the consumer will. */
const begin = async (): Promise<Copy> => {
  await consumers.delete(NATS_STREAM, CONSUMER).catch(() => {});
  const filter_subject = `${NATS_SUBJECT_PREFIX}.users.>`;
  await consumers.add(NATS_STREAM, { durable_name: CONSUMER, filter_subject, ack_policy: AckPolicy.All, max_ack_pending: BATCH });
  const { state } = await streams.info(NATS_STREAM);
  const copy: Copy = { listed: state.last_seq, position: null, users: {} };
  for await (const user of list()) copy.users[user.user_id] = { version: user.version, user };
  for await (const { user_id, version } of list('&status=deleted')) copy.users[user_id] = { version, user: null };
  await save(copy);
  console.log(`listed ${Object.keys(copy.users).length} users`);
  return copy;
};

/** @throws Lost where the positions do not follow each other, which they do through all users and views of their profiles */
const take = async (copy: Copy, messages: JsMsg[]): Promise<void> => {
  const newest = new Map<string, Event>();
  for (const message of messages) {
    const event = message.json<Event>();
    const position = Number(event.position);
    if (!message.redelivered) {
      const follows = copy.position === null || position === copy.position + 1;
      if (!follows && message.seq > copy.listed) throw new Lost(`position ${position} came after ${copy.position}`);
      copy.position = position;
    }
    const known = copy.users[event.subject]?.version ?? 0;
    if (event.id.startsWith('user-') && event.version > known) newest.set(event.subject, event);
  }
  const changed = [...newest.values()];
  while (changed.length > 0) {
    await Promise.all(
      changed.splice(0, LOOK_UPS_AT_ONCE).map(async (event) => {
        const deleted = event.type.startsWith('lumin.users.UserDeleted.');
        copy.users[event.subject] = deleted ? { version: event.version, user: null } : await lookUp(event);
      }),
    );
  }
};

const follow = async (): Promise<void> => {
  const kept = await load();
  const found = kept && (await find());
  if (kept && !found) console.log('the consumer has gone: begin again');
  const copy = kept && found ? kept : await begin();
  const consumer = found || (await jetstream(nats).consumers.get(NATS_STREAM, CONSUMER));
  for (;;) {
    const messages: JsMsg[] = [];
    for await (const message of await consumer.fetch({ max_messages: BATCH, expires: 2_000 })) messages.push(message);
    // Whose consumer has gone waits for ever and hears of nothing: this asks, and throws.
    if (messages.length === 0) await consumer.info();
    await take(copy, messages);
    await save(copy);
    await messages.at(-1)?.ackAck();
  }
};

for (;;) {
  await follow().catch(async (error) => {
    console.log(error instanceof Lost ? `${error.message}: begin again` : `${error.message}: try again`);
    if (error instanceof Lost) await consumers.delete(NATS_STREAM, CONSUMER).catch(() => {});
  });
  await sleep(1_000);
}
