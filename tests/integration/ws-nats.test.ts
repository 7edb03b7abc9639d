import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type JetStreamClient, jetstream, jetstreamManager, RetentionPolicy } from '@nats-io/jetstream';
import { type NatsConnection, wsconnect } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { anyStore, type Store } from '../fixtures/database-kinds.ts';
import { created } from '../fixtures/http.ts';
import { type Service, startService } from '../fixtures/http-service.ts';
import { freePort, type OwnServer, startNats } from '../fixtures/own-servers.ts';
import { until } from '../fixtures/until.ts';

const version = /v(\d+)\.(\d+)/.exec(String(spawnSync('nats-server', ['-v']).stdout));
const INBOX = '_INBOX_feed';
const PAGE = 'https://app.example.com';

/** The file as it is delivered, with passwords, on ports of this machine. */
const configuration = (webSocketPort: number, file = 'nats.conf'): string => {
  const read = (name: string): string => readFileSync(new URL(`../../deploy/nats/${name}`, import.meta.url), 'utf8');
  const text = read(file).replace(/^include (\S+)$/m, (_, name) => read(name));
  const old = version !== null && Number(version[1]) === 2 && Number(version[2]) < 10;
  const changes: [RegExp, string][] = [
    [/port: 8080/, `host: 127.0.0.1, port: ${webSocketPort}`],
    // The folder is an argument here.
    [/^ *store_dir: \S+$/m, ''],
    ...(old ? [[/^ *sync_interval: always$/m, ''] as [RegExp, string]] : []),
  ];
  for (const [line] of changes) expect(text).toMatch(line);
  // Variables may stand in the file as well as in the environment.
  const variables = `NATS_PASSWORD: secret\nNATS_FEED_PASSWORD: feed-secret\nNATS_ALLOWED_ORIGINS: [${PAGE}, http://localhost:3000]\n`;
  return variables + changes.reduce((changed, [line, other]) => changed.replace(line, other), text);
};

const title = version === null ? ' [needs nats-server on PATH]' : '';
describe.skipIf(version === null)(`the WebSocket of NATS, as deploy/nats/nats.conf sets it up${title}`, () => {
  let nats: OwnServer;
  let admin: NatsConnection;
  let store: Store;
  let service: Service;
  let webSocket: string;
  let feed: NatsConnection;
  let stream: JetStreamClient;

  const asFeed = (options: object = {}) =>
    wsconnect({ servers: webSocket, user: 'feed', pass: 'feed-secret', inboxPrefix: INBOX, timeout: 60_000, reconnect: false, ...options });

  beforeAll(async () => {
    const port = await freePort();
    webSocket = `ws://127.0.0.1:${port}`;
    nats = (await startNats({ conf: configuration(port), args: ['-m', String(await freePort())] })) as OwnServer;
    admin = await connect({ servers: `127.0.0.1:${nats.port}`, user: 'lumin', pass: 'secret' });
    const { streams } = await jetstreamManager(admin);
    await streams.add({ name: 'lumin-events-tasks', subjects: ['lumin.tasks.>'], retention: RetentionPolicy.Workqueue });
    await jetstream(admin).publish('lumin.tasks.dead.any', '{}');
    store = await anyStore();
    service = await startService(store.url, { env: { NATS_URL: `nats://lumin:secret@127.0.0.1:${nats.port}` } });
    feed = await asFeed();
    stream = jetstream(feed, { timeout: 60_000 });
  });
  afterAll(async () => {
    await feed?.close();
    await admin?.close();
    await service?.stop();
    await store?.drop();
    await nats?.stop();
  });

  it('gives the events from the first one on, and the next ones as they happen', async () => {
    const before = await created(service);
    await until('the stream is there', () => stream.consumers.get('lumin-events').catch(() => null));
    const consumer = await stream.consumers.get('lumin-events', { opt_start_seq: 1 });
    const seen: any[] = [];
    const messages = await consumer.consume({ callback: (message) => void seen.push(message.json()) });
    await until('the first event arrives', () => seen.some(({ subject }) => subject === before.user_id));
    const after = await created(service);
    await until('the next event arrives', () => seen.at(-1)?.subject === after.user_id);
    expect(seen.map(({ position }) => position)).toEqual(seen.map((_, index) => String(index + 1)));
    await messages.close();
  });

  it('gives one user’s events to a plain subscription', async () => {
    const user = await created(service);
    const seen: any[] = [];
    feed.subscribe(`lumin.users.${user.user_id}.>`, { callback: (_, message) => void seen.push(message.json()) });
    await feed.flush();
    await service.request('PATCH', `/api/users/${user.user_id}/username`, { first_name: 'Jane' });
    await until('the event arrives', () => seen.some(({ id }) => id === `user-${user.user_id}:2`));
  });

  it('lets nobody in without the right password, nor with the common inbox', async () => {
    await expect(asFeed({ pass: 'wrong' })).rejects.toThrow(/Authorization/i);
    await expect(wsconnect({ servers: webSocket, reconnect: false })).rejects.toThrow(/Authorization/i);
    const nosy = await asFeed({ inboxPrefix: '_INBOX' });
    await expect(nosy.request('$JS.API.INFO', '', { timeout: 2_000 })).rejects.toThrow();
    await nosy.close();
  });

  /** A connection as a browser makes it for a page of this origin. */
  const fromPage = (Origin: string) =>
    asFeed({ wsFactory: async (url: string) => ({ socket: new WebSocket(String(url), { headers: { Origin } }), encrypted: false }) });

  it('lets in only pages of the origins that are named, and programs, which send none', async () => {
    for (const origin of ['https://evil.example.com', 'null', `${PAGE}.evil.example`, 'http://app.example.com']) {
      await expect(fromPage(origin), origin).rejects.toThrow();
    }
    await (await fromPage(PAGE)).close();
  });

  it('lets no user in by the other’s way: the service never by WebSocket, the reader never by port 4222', async () => {
    await expect(asFeed({ user: 'lumin', pass: 'secret' })).rejects.toThrow(/Authorization/i);
    const reader = { user: 'feed', pass: 'feed-secret', reconnect: false };
    await expect(connect({ servers: `127.0.0.1:${nats.port}`, ...reader })).rejects.toThrow(/Authorization/i);
    await expect(connect({ servers: `127.0.0.1:${nats.port}`, reconnect: false })).rejects.toThrow(/Authorization/i);
  });

  it('takes clients without a user in development, and none over WebSocket there either', async () => {
    const port = await freePort();
    const own = await startNats({ conf: configuration(port, 'nats.development.conf'), args: ['-m', String(await freePort())] });
    const client = await connect({ servers: `127.0.0.1:${own?.port}`, reconnect: false });
    expect((await jetstreamManager(client)).streams).toBeDefined();
    await client.close();
    for (const login of [{}, { user: 'lumin', pass: 'secret' }]) {
      await expect(wsconnect({ servers: `ws://127.0.0.1:${port}`, reconnect: false, ...login })).rejects.toThrow(/Authorization/i);
    }
    await own?.stop();
  });

  it.each([
    ['publish an event', () => stream.publish(`lumin.users.${randomUUID()}.UserCreated`, '{}')],
    ['publish a task', () => stream.publish('lumin.tasks.run.create', '{}')],
    ['delete the stream', async () => (await manager()).streams.delete('lumin-events')],
    ['empty the stream', async () => (await manager()).streams.purge('lumin-events')],
    ['delete an event', async () => (await manager()).streams.deleteMessage('lumin-events', 1)],
    ['change the stream', async () => (await manager()).streams.update('lumin-events', { max_msgs: 1 })],
    ['make a stream', async () => (await manager()).streams.add({ name: 'mine', subjects: ['mine'] })],
    ['delete a consumer', async () => (await manager()).consumers.delete('lumin-events', 'any')],
    ['read the tasks', async () => (await stream.consumers.get('lumin-events-tasks')).next({ expires: 1_000 })],
    ['look at the stream of tasks', async () => (await manager()).streams.info('lumin-events-tasks')],
    ['consume the tasks', async () => (await manager()).consumers.add('lumin-events-tasks', { durable_name: 'mine' })],
    ['listen to the tasks', () => refused(feed, 'lumin.tasks.>')],
    ['listen to everything', () => refused(feed, '>')],
    ['listen to what others are answered', () => refused(feed, '_INBOX.>')],
  ])('does not let the reader %s', async (_, act) => {
    await expect(act()).rejects.toThrow(/permissions violation/i);
  });

  it('and both streams hold what they held', async () => {
    const { streams } = await jetstreamManager(admin);
    const [events, tasks] = [await streams.info('lumin-events'), await streams.info('lumin-events-tasks')];
    expect(events.state.messages).toBe(await service.app.liveFeed.head());
    expect(events.state.num_deleted ?? 0).toBe(0);
    expect(tasks.state).toMatchObject({ messages: 1 });
  });

  const manager = () => jetstreamManager(feed, { checkAPI: false, timeout: 2_000 });
});

const refused = (connection: NatsConnection, subject: string): Promise<void> =>
  new Promise((resolve, reject) => {
    connection.subscribe(subject, { callback: (error) => (error ? reject(error) : resolve()) });
    // The refusal, if there is one, comes before the answer to this.
    connection.flush().then(resolve, reject);
  });
