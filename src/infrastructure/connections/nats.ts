import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { outage } from '../concurrency/outage.ts';
import { natsAddress } from './nats-address.ts';

const CONNECT_MS = 2_000;
const RETRY_MS = 500;
/** A server that is silent for two of these counts as gone. */
const PING_MS = 2_000;

export type Nats = {
  /** The connection while the server answers, else null: what is sent to a server that is away only waits for its timeout. */
  connection: () => NatsConnection | null;
  /** Calls `use` with the connection each time the server is reached, the first time and after every break. */
  onConnect: (use: (connection: NatsConnection) => void) => void;
  close: () => Promise<void>;
};

/**
 * Connects in the background, and again after every break, for ever: a service whose NATS is away still starts and serves.
 * An error is reported once for every outage.
 */
export const openNats = (url: string, onError: (error: unknown) => void): Nats => {
  const { servers, user, password, tls } = natsAddress(url);
  const uses: ((connection: NatsConnection) => void)[] = [];
  let current: NatsConnection | null = null;
  let reached = false;
  let closed = false;
  const away = outage(onError);

  const setReached = (to: boolean): void => {
    reached = to;
    away.over();
    if (to && current) for (const use of uses) use(current);
  };

  const follow = async (connection: NatsConnection): Promise<void> => {
    for await (const { type } of connection.status()) {
      if (type === 'disconnect' || type === 'staleConnection') setReached(false);
      if (type === 'reconnect') setReached(true);
    }
  };

  const keepConnected = async (): Promise<void> => {
    while (!closed) {
      try {
        current = await connect({
          servers,
          name: 'lumin-user-service',
          ...(user && (password ? { user, pass: password } : { token: user })),
          ...(tls && { tls: {} }),
          timeout: CONNECT_MS,
          pingInterval: PING_MS,
          maxPingOut: 2,
          reconnectTimeWait: RETRY_MS,
          maxReconnectAttempts: -1,
          // Without this option the client makes two errors for every request in advance: a fourth of what publishing costs.
          noAsyncTraces: true,
        });
      } catch (error) {
        away.report(error);
        await sleep(RETRY_MS, undefined, { ref: false });
        continue;
      }
      if (closed) return void (await current.close());
      setReached(true);
      await Promise.race([follow(current), current.closed()]);
      setReached(false);
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
    },
  };
};
