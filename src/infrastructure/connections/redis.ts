import { setTimeout as sleep } from 'node:timers/promises';
import { Redis as Client } from 'ioredis';
import { type OutageLog, outage, type Reason } from '../concurrency/outage.ts';
import { explain } from '../explain.ts';
import type { Place } from '../place.ts';
import { redisAddress } from './redis-address.ts';

const CONNECT_MS = 1_000;
const RETRY_MS = 500;
/** What a request may lose by asking Redis. */
const READ_MS = 20;
/** Nobody says that Redis takes commands again; it does where it has refused none for so long. */
const QUIET_MS = 10_000;

/** Of Redis before 6, and since. */
const NOT_ASKED = /no password is set|without any password configured/;

const SILENCE = 'no answer in time';
const CLOSED = 'the connection was closed';

/** More than any text of ours has. */
export const MAX_TEXT_BYTES = 131_072;

export type { Client };

export type Redis = {
  /**
   * Runs `work` on one of the connections. Never throws: undefined where Redis is away, refuses, or has not answered within
   * `budgetMs`. While it is away, that is said at once.
   */
  call: <T>(work: (client: Client) => Promise<T>, budgetMs?: number) => Promise<T | undefined>;
  available: () => boolean;
  /** Why it is away; null where it is not, or is about to be reached. */
  reason: () => Reason | null;
  close: () => Promise<void>;
};

type Options = {
  /** Used where the URL has none. */
  password?: string;
  connections: number;
  log: OutageLog;
  /** What the log calls it. */
  name?: string;
  /** The variables of the address and of the password, and where they were set. */
  setting?: string;
  passwordSetting?: string;
};

/** The texts at these keys, null where there is none. What is longer than ours comes cut off: whoever has access to Redis can put anything there. */
export const textsAt = async (client: Client, keys: readonly string[]): Promise<(string | null)[]> => {
  const pipeline = client.pipeline();
  for (const key of keys) pipeline.getrange(key, 0, MAX_TEXT_BYTES - 1);
  const answers = (await pipeline.exec()) ?? [];
  return answers.map(([error, text]) => {
    if (error !== null && !error.message.startsWith('WRONGTYPE')) throw error;
    return (text as string | undefined) || null;
  });
};

/** All of it was taken. @throws the first refusal, which a pipeline itself only lists */
export const written = async (pipeline: ReturnType<Client['pipeline']>): Promise<void> => {
  for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
};

const expired = (ms: number): { promise: Promise<never>; cancel: () => void } => {
  const { promise, reject } = Promise.withResolvers<never>();
  // After a pause of this process the timer comes first, and the answer that has long arrived is read after it.
  const timer = setTimeout(() => setImmediate(() => reject(new Error(SILENCE))), ms);
  return { promise, cancel: () => clearTimeout(timer) };
};

const within = async <T>(ms: number, work: Promise<T>): Promise<T> => {
  const { promise, cancel } = expired(ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    cancel();
  }
};

/**
 * Connects in the background, and again after every break, for ever. The breaker: a command that is not answered in time, while
 * no other one was either, drops all connections, so nothing piles up on a server that is silent, and only one that answers in
 * a read's time ends it. One slow answer among others breaks nothing.
 */
export const openRedis = (
  url: string,
  { password = '', connections, log, name = 'Redis', setting = 'REDIS_URL', passwordSetting = 'REDIS_PASSWORD' }: Options,
): Redis => {
  const { db, username, password: named, ...server } = redisAddress(url);
  const at = `${server.host.includes(':') ? `[${server.host}]` : server.host}:${server.port}`;
  const secretSetting = named ? setting : passwordSetting;
  const place: Place = { kind: 'Redis', at, user: username, database: String(db), setting, secret: secretSetting };
  const reasonOf = (error: unknown) => explain(error, place);
  const secret = named || password;
  let open: { clients: Client[]; break: (error: unknown) => void } | null = null;
  let answeredAt = 0;
  let toldUnasked = false;
  let closed = false;
  let next = 0;

  const away = outage({ log, thing: name, fails: 'cannot be reached', works: 'is back', reasonOf });
  const refusals = outage({ log, thing: name, fails: 'refuses commands', works: 'takes all commands again', reasonOf, quietMs: QUIET_MS });

  const connect = (broken: (error: unknown) => void): Client => {
    const client = new Client({
      ...server,
      lazyConnect: true,
      connectTimeout: CONNECT_MS,
      disconnectTimeout: 1,
      retryStrategy: null,
      enableOfflineQueue: false,
      // What the ping is answered says more than the client's own check, which waits for a server that is loading.
      enableReadyCheck: false,
      disableClientInfo: true,
      maxRetriesPerRequest: 0,
    });
    client.on('error', broken);
    client.on('end', () => broken(new Error(CLOSED)));
    return client;
  };

  /** By ourselves: where no password is asked for, ioredis writes that to the console at each connection. */
  const authenticate = async (client: Client): Promise<void> => {
    try {
      await (username ? client.auth(username, secret) : client.auth(secret));
    } catch (error) {
      if (!NOT_ASKED.test((error as Error).message)) throw error;
      if (!toldUnasked)
        log.warn(
          {},
          `${name} asks for no password on ${at}, and one is set (${secretSetting}): anybody who reaches it may use it; set requirepass there, or leave the password out`,
        );
      toldUnasked = true;
    }
  };

  const keepConnected = async (): Promise<void> => {
    while (!closed) {
      const broken = Promise.withResolvers<unknown>();
      const clients: Client[] = [];
      const reach = async (): Promise<Client> => {
        const client = connect(broken.resolve);
        clients.push(client);
        await within(CONNECT_MS, client.connect());
        if (secret) await within(CONNECT_MS, authenticate(client));
        // An operator may have left the right to do so out.
        await within(CONNECT_MS, client.client('SETNAME', 'lumin-user-service')).catch(() => {});
        // The database is selected here, because ioredis counts as connected where the server does not have it.
        if (db > 0) await within(CONNECT_MS, client.select(db));
        return client;
      };
      try {
        // A server that is away is tried with one connection, whose first answer has time.
        const first = await reach();
        await within(CONNECT_MS, first.ping());
        await within(READ_MS, first.ping());
        await Promise.all(Array.from({ length: connections - 1 }, reach));
        if (!closed) open = { clients, break: broken.resolve };
        away.over();
        if (!closed) away.report(await broken.promise);
      } catch (error) {
        // What ioredis throws only says that the connection is closed; what it emitted says why.
        const reason = await Promise.race([broken.promise, error]);
        if (!closed) away.report(reason);
      }
      open = null;
      for (const client of clients) client.disconnect();
      if (!closed) await sleep(RETRY_MS, undefined, { ref: false });
    }
  };
  const done = keepConnected();

  return {
    async call(work, budgetMs = READ_MS) {
      const current = open;
      const client = current?.clients[next++ % current.clients.length];
      if (!current || !client) return undefined;
      const askedAt = performance.now();
      try {
        const answer = await within(budgetMs, work(client));
        answeredAt = performance.now();
        return answer;
      } catch (error) {
        const refused = (error as Error).name === 'ReplyError';
        if (refused) refusals.report(error);
        else if (open === current && answeredAt <= askedAt) {
          open = null;
          current.break(error);
        }
        return undefined;
      }
    },
    available: () => open !== null,
    reason: away.reason,
    async close() {
      closed = true;
      open?.break(new Error(CLOSED));
      await done;
      away.forget();
      refusals.forget();
    },
  };
};
