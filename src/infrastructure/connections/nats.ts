import { setTimeout as sleep } from 'node:timers/promises';
import { connect, errors, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { type OutageLog, outage, type Reason } from '../concurrency/outage.ts';
import { beginningOf, inWords, NATS, NETWORK } from '../failure-meanings.ts';
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
  close: () => Promise<void>;
};

/** The code of the client or the system, or what is fixed of a text: the rest may hold values. */
export const natsReason = (error: unknown): Reason & { code: string } => {
  const { name = 'Error', message = '', code: ofSystem, cause } = (error ?? {}) as Error & { code?: string };
  const ofCause = (cause as { code?: string } | undefined)?.code;
  const code =
    [ofSystem, ofCause].find((one) => one !== undefined && one in NETWORK) ?? beginningOf(NATS, message) ?? String(ofSystem ?? name);
  return { ...inWords(NATS[code] ?? NETWORK[code], code), unsure: UNSURE.has(code) };
};

const CUT = ['stale connection', 'closed connection', 'server shutdown', 'ECONNRESET', 'EPIPE'];
/** A server that has begun to listen has its JetStream a moment later. */
const UNSURE = new Set(['timeout', ...CUT, 'jetstream is not enabled', 'Error']);

/** Connects in the background, and again after every break, for ever: a service whose NATS is away still starts and serves. */
export const openNats = (url: string, log: OutageLog, name = 'NATS'): Nats => {
  const { servers, user, password, tls } = natsAddress(url);
  const uses: ((connection: NatsConnection) => void)[] = [];
  let current: NatsConnection | null = null;
  /** Of the same cluster, as a server has told. */
  let others: string[] = [];
  let reached = false;
  let closed = false;
  const away = outage({ log, thing: name, fails: 'cannot be reached', works: 'is back', reasonOf: natsReason });
  const refusals = outage({
    log,
    thing: name,
    fails: 'refuses',
    works: 'refuses nothing any more',
    reasonOf: natsReason,
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
