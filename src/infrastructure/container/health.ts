import { singleFlightWithin } from '../concurrency/single-flight.ts';
import type { Nats } from '../connections/nats.ts';
import type { Redis } from '../connections/redis.ts';
import type { RelayStatus } from '../persistence/log/relay-checkpoint.ts';

type Parts = {
  checkReady: () => Promise<void>;
  /** A server that is not configured is null. */
  redis: Redis | null;
  nats: Nats | null;
  broker: Nats | null;
  relayStatus: () => Promise<RelayStatus>;
};

/** A lag of this length means that no process publishes: the relay needs less than a tenth of a second. */
const LAGGING_MS = 5_000;
/** How long the health report waits for the relay's state, which is left out where all connections of the pool are in use. */
const STATUS_MS = 500;

/** What a process tells of itself: of what is configured, whether it answers, and how far the log is published. */
export const healthReport = ({ checkReady, redis, nats, broker, relayStatus }: Parts) => {
  const askRelay = singleFlightWithin(relayStatus, STATUS_MS);
  return async () => {
    const store = await checkReady().then(
      () => true,
      () => false,
    );
    const relay = nats && store ? await askRelay() : null;
    const lagging = relay !== null && (relay.lagging_ms ?? 0) > LAGGING_MS;
    return {
      checks: {
        store: answers(store),
        ...(redis && { cache: answers(redis.available()) }),
        ...(nats && { events: nats.connection() && lagging ? ('lagging' as const) : answers(nats.connection() !== null) }),
        ...(broker && { tasks: answers(broker.connection() !== null) }),
      },
      ...(relay && { relay: { position: String(relay.position), lag: relay.lag } }),
    };
  };
};

const answers = (yes: boolean) => (yes ? ('ok' as const) : ('unavailable' as const));
