import { setTimeout as sleep } from 'node:timers/promises';
import { connect, errors, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { type OutageLog, outage, type Reason } from '../concurrency/outage.ts';
import { explain } from '../explain.ts';
import type { Place } from '../place.ts';
import { natsAddress } from './nats-address.ts';

const CONNECT_MS = 2_000;
const RETRY_MS = 500;
/** A server that is silent for two of these counts as gone. */
const PING_MS = 2_000;
/** The client tries each server so often after a break. Then it is asked anew, because it says why only where it gives up. */
const TRIES = 2;
/** Nobody says that NATS permits all again; it does where it has refused nothing for so long. */
const QUIET_MS = 30_000;

/** By which this deployment knows its own messages again. */
export const CODE_HEADER = 'Lumin-Code';

/** A header of a message that anybody may have sent; empty where there is none, or where they cannot be read. */
export const headerIn = (read: () => MsgHdrs | undefined, name: string): string => {
  try {
    return read()?.get(name) ?? '';
  } catch {
    return '';
  }
};

export type Nats = {
  /** The connection while the server answers, else null: what is sent to a server that is away only waits for its timeout. */
  connection: () => NatsConnection | null;
  /** Calls `use` with the connection each time the server is reached, the first time and after every break. */
  onConnect: (use: (connection: NatsConnection) => void) => void;
  /** Why it is away; null where it is not, or is about to be reached. */
  reason: () => Reason | null;
  readonly place: Place;
  close: () => Promise<void>;
};

/** Connects in the background, and again after every break, for ever: a service whose NATS is away still starts and serves. */
export const openNats = (url: string, log: OutageLog, { name = 'NATS', setting = 'NATS_URL' } = {}): Nats => {
  const { servers, user, password, tls } = natsAddress(url);
  const place: Place = { kind: 'NATS', at: servers.join(','), user: user ?? '', database: '', setting };
  const reasonOf = (error: unknown) => explain(error, place);
  const uses: ((connection: NatsConnection) => void)[] = [];
  let current: NatsConnection | null = null;
  /** Of the same cluster, as a server has told. */
  let others: string[] = [];
  let reached = false;
  let closed = false;
  const away = outage({ log, thing: name, fails: 'cannot be reached', works: 'is back', reasonOf });
  const refusals = outage({
    log,
    thing: name,
    fails: 'refuses',
    works: 'refuses nothing any more',
    reasonOf,
    quietMs: QUIET_MS,
  });

  const setReached = (to: boolean): void => {
    reached = to;
    if (!to || !current) return;
    away.over();
    others = current.info?.connect_urls ?? others;
    for (const use of uses) use(current);
  };

  const follow = async (connection: NatsConnection): Promise<void> => {
    let reason: unknown;
    for await (const status of connection.status()) {
      const { type } = status;
      if (type === 'error' && status.error instanceof errors.PermissionViolationError) refusals.report(status.error);
      else if (type === 'error') reason = status.error;
      if (type === 'staleConnection') reason = new Error('stale connection');
      if (type === 'disconnect') {
        setReached(false);
        away.report(reason ?? new Error('closed connection'));
        reason = undefined;
      }
      if (type === 'reconnect') setReached(true);
    }
  };

  const keepConnected = async (): Promise<void> => {
    while (!closed) {
      try {
        current = await connect({
          servers: [...new Set([...servers, ...others])],
          name: 'lumin-user-service',
          ...(user && (password ? { user, pass: password } : { token: user })),
          ...(tls && { tls: {} }),
          timeout: CONNECT_MS,
          pingInterval: PING_MS,
          maxPingOut: 2,
          reconnectTimeWait: RETRY_MS,
          maxReconnectAttempts: TRIES,
          // Without this option the client makes two errors for every request in advance: a fourth of what publishing costs.
          noAsyncTraces: true,
        });
      } catch (error) {
        if (!closed) away.report(error);
        await sleep(RETRY_MS, undefined, { ref: false });
        continue;
      }
      if (closed) return void (await current.close());
      setReached(true);
      void follow(current);
      const reason = await current.closed();
      setReached(false);
      if (!closed) away.report(reason ?? new Error('closed connection'));
    }
  };
  const done = keepConnected();

  return {
    connection: () => (reached ? current : null),
    reason: away.reason,
    place,
    onConnect: (use) => {
      uses.push(use);
      if (reached && current) use(current);
    },
    async close() {
      closed = true;
      reached = false;
      await current?.close();
      await done;
      away.forget();
      refusals.forget();
    },
  };
};
