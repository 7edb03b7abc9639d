import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Random } from '../fixtures/seeded.ts';
import { until } from '../fixtures/until.ts';
import type { Delivered, Evidence } from './evidence.ts';
import { deliveredIn } from './gather-stream.ts';

type Subscription = Evidence['sockets'][number] & { after: number; events: Delivered[] };

const AGAIN_MS = 100;
/** How long a client that is restless keeps a connection, at most. */
const RESTLESS_MS = 1_500;

/**
 * Subscriptions to /ws that live through every break: to all events from the first one on, to those of one user, and of
 * clients that never stay long and resume at any instance.
 */
export const startSockets = (random: Random, instances: readonly string[], userIds: readonly string[]) => {
  const open = new Set<WebSocket>();
  let stopping = false;

  /** One connection, to its end. */
  const listen = async (subscription: Subscription, instance: string, ms: number | null): Promise<void> => {
    const { user_id, events } = subscription;
    const after = events.at(-1)?.position ?? String(subscription.after);
    const socket = new WebSocket(`${instance.replace('http', 'ws')}/ws`);
    open.add(socket);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => {});
    socket.once('open', () => socket.send(JSON.stringify({ op: 'subscribe', after, ...(user_id !== null && { user_id }) })));
    socket.on('message', (data) => {
      const message = JSON.parse(String(data));
      if (message.specversion) events.push(deliveredIn(message));
      if (message.op === 'error') socket.close();
    });
    const leave = ms === null ? null : setTimeout(() => socket.terminate(), ms);
    await closed;
    if (leave) clearTimeout(leave);
    open.delete(socket);
  };

  const follow = async (subscription: Subscription, restless: boolean, home: string): Promise<void> => {
    while (!stopping) {
      await listen(subscription, restless ? random.pick(instances) : home, restless ? 100 + random.below(RESTLESS_MS) : null);
      if (!restless && !stopping) await sleep(AGAIN_MS);
    }
  };

  const subscriptions: Subscription[] = [];
  const running = instances.flatMap((home) =>
    [null, random.pick(userIds)].flatMap((user_id) =>
      [false, true].map((restless) => {
        const subscription = { user_id, after: 0, events: [] };
        subscriptions.push(subscription);
        return follow(subscription, restless, home);
      }),
    ),
  );

  return {
    /** Ends them once they have had everything in the log, or a while after they should have. */
    stop: async (log: Evidence['log']): Promise<Subscription[]> => {
      const due = ({ user_id }: Subscription): number => log.filter(({ stream }) => user_id === null || stream.endsWith(user_id)).length;
      await until('every subscription is at the end of the log', () =>
        subscriptions.every((subscription) => subscription.events.length >= due(subscription)),
      ).catch(() => {});
      stopping = true;
      for (const socket of open) socket.terminate();
      await Promise.all(running);
      return subscriptions;
    },
  };
};
