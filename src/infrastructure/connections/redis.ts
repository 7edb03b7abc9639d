import { setTimeout as sleep } from 'node:timers/promises';
import { Redis as Client } from 'ioredis';
import { outage } from '../concurrency/outage.ts';
import { fixedText } from '../fixed-texts.ts';
import { redisAddress } from './redis-address.ts';

const CONNECT_MS = 1_000;
const RETRY_MS = 500;
/** What a request may lose by asking Redis. */
const READ_MS = 20;

export type { Client };

export type Redis = {
  /**
   * Runs `work` on one of the connections. Never throws: undefined where Redis is away, refuses, or has not answered within
   * `budgetMs`. While it is away, that is said at once.
   */
  call: <T>(work: (client: Client) => Promise<T>, budgetMs?: number) => Promise<T | undefined>;
  available: () => boolean;
  close: () => Promise<void>;
};

type Options = {
  /** Used where the URL has none. */
  password?: string;
  connections: number;
  onError: (error: unknown) => void;
};

/** For the log. Messages and properties of errors may hold arguments: of a refusal the first word is told, or what is fixed. */
const loggable = (error: unknown): Error => {
  const { name, message, code } = error as Error & { code?: string };
  const refusal = name === 'ReplyError' && (fixedText(message) ?? message.split(' ', 1)[0]);
  return Object.assign(new Error('Redis cannot be used'), { code: refusal || (code ?? message) });
};

const expired = (ms: number): { promise: Promise<never>; cancel: () => void } => {
  const { promise, reject } = Promise.withResolvers<never>();
  // After a pause of this process the timer comes first, and the answer that has long arrived is read after it.
  const timer = setTimeout(() => setImmediate(() => reject(new Error('no answer in time'))), ms);
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
 * a read's time ends it. One slow answer among others breaks nothing. An error is reported once for every outage.
 */
export const openRedis = (url: string, { password = '', connections, onError }: Options): Redis => {
  const { db, ...server } = redisAddress(url);
  let open: { clients: Client[]; break: (error: unknown) => void } | null = null;
  let answeredAt = 0;
  let closed = false;
  let next = 0;

  const away = outage((error) => onError(loggable(error)));
  const report = (error: unknown): void => {
    if (!closed) away.report(error);
  };

  const connect = (broken: (error: unknown) => void): Client => {
    const client = new Client({
      ...server,
      password: server.password || password,
      connectionName: 'lumin-user-service',
      lazyConnect: true,
      connectTimeout: CONNECT_MS,
      disconnectTimeout: 1,
      retryStrategy: null,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
    });
    client.on('error', broken);
    client.on('end', () => broken(new Error('the connection was closed')));
    return client;
  };

  const keepConnected = async (): Promise<void> => {
    while (!closed) {
      const broken = Promise.withResolvers<unknown>();
      const clients: Client[] = [];
      const reach = async (): Promise<Client> => {
        const client = connect(broken.resolve);
        clients.push(client);
        await within(CONNECT_MS, client.connect());
        // The database is selected here, because ioredis counts as connected where the server does not have it.
        if (db > 0) await within(CONNECT_MS, client.select(db));
        return client;
      };
      try {
        // A server that is away is tried with one connection.
        const first = await reach();
        await within(READ_MS, first.ping());
        await Promise.all(Array.from({ length: connections - 1 }, reach));
        if (!closed) open = { clients, break: broken.resolve };
        away.over();
        if (!closed) report(await broken.promise);
      } catch (error) {
        // What ioredis throws only says that the connection is closed; what it emitted says why.
        report(await Promise.race([broken.promise, error]));
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
        if (refused) report(error);
        else if (open === current && answeredAt <= askedAt) {
          open = null;
          current.break(error);
        }
        return undefined;
      }
    },
    available: () => open !== null,
    async close() {
      closed = true;
      open?.break(null);
      await done;
    },
  };
};
