import { singleFlightWithin } from '../concurrency/single-flight.ts';
import type { Nats } from '../connections/nats.ts';
import type { Redis } from '../connections/redis.ts';
import type { RelayStatus } from '../persistence/log/relay-checkpoint.ts';

type Parts = {
  checkReady: () => Promise<void>;
  /** Whether the store takes changes, where it answers. */
  writes: () => 'ok' | 'read-only' | 'busy';
  /** A server that is not configured is null. */
  redis: Redis | null;
  nats: Nats | null;
  broker: Nats | null;
  relayStatus: () => Promise<RelayStatus>;
  /** For how long the oldest task has been due. */
  oldestDueSeconds: () => Promise<number>;
};

/** A lag of this length means that no process publishes: the relay needs less than a tenth of a second. */
const LAGGING_MS = 5_000;
/** A wait of this length means that no worker takes tasks, or not enough of them. */
const DUE_SECONDS = 30;
/** How long the health report waits for what the database says of relay and tasks, which is left out where all connections of the pool are in use. */
const STATUS_MS = 500;

/** What a process tells of itself: of what is configured, whether it answers; and of what others do, tasks and events, where it goes wrong. */
export const healthReport = ({ checkReady, writes, redis, nats, broker, relayStatus, oldestDueSeconds }: Parts) => {
  const askRelay = singleFlightWithin(relayStatus, STATUS_MS);
  const askTasks = singleFlightWithin(oldestDueSeconds, STATUS_MS);

  const eventsOf = (relay: RelayStatus | null) => {
    if (nats?.connection() == null) return 'unavailable' as const;
    if (relay !== null && (relay.lagging_ms ?? 0) > LAGGING_MS) return 'lagging' as const;
    return relay?.drops_unread ? ('drops-unread' as const) : ('ok' as const);
  };

  return async () => {
    const store = await checkReady().then(
      () => true,
      () => false,
    );
    const [relay, due] = store ? await Promise.all([nats && askRelay(), askTasks()]) : [null, null];
    const late = due !== null && due > DUE_SECONDS;
    return {
      checks: {
        store: store ? writes() : ('unavailable' as const),
        ...(redis && { cache: answers(redis.available()) }),
        ...(nats && { events: eventsOf(relay) }),
        ...(relay?.stream_ahead && { relay: 'ahead-of-log' as const }),
        // Where tasks need no NATS, they are spoken of only where they wait.
        ...((broker || late) && { tasks: late ? ('lagging' as const) : answers(broker?.connection() !== null) }),
      },
    };
  };
};

const answers = (yes: boolean) => (yes ? ('ok' as const) : ('unavailable' as const));
