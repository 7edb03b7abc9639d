import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { until } from '../fixtures/until.ts';
import { connectTo, STRANGER, STREAM } from './gather-stream.ts';
import { hasServers, needsServers } from './needs.ts';
import { publishedOnce, underLoad } from './rig.ts';

/** Writes junk, and copies of what the service wrote, to both streams until it is stopped. */
const strangerInNats = async (url: string) => {
  const connection = await connectTo(url);
  const { streams } = await jetstreamManager(connection);
  const client = jetstream(connection);
  let [over, written] = [false, 0];
  const write = async (stream: string, subject: string): Promise<void> => {
    const { state } = await streams.info(stream);
    const seq = Math.max(1, state.last_seq - (written % 50));
    const copy = await streams.getMessage(stream, { seq });
    const sent = headers();
    sent.set(STRANGER, '1');
    const takes = copy !== null && written % 3 > 0;
    if (takes) for (const name of ['Lumin-Code', 'Lumin-Deployment']) sent.set(name, copy.header.get(name));
    await client.publish(takes ? copy.subject : subject, takes && written % 3 > 1 ? copy.string() : `junk ${written}`, { headers: sent });
    written++;
  };
  const writing = (async () => {
    while (!over) {
      await write(STREAM, 'lumin.users.550e8400-e29b-41d4-a716-446655440000.UserCreated').catch(() => {});
      await write(`${STREAM}-tasks`, 'lumin.tasks.run.change_email').catch(() => {});
    }
  })();
  return {
    written: () => written,
    stop: async (): Promise<void> => {
      over = true;
      await writing;
      await connection.close();
    },
  };
};

/** Damages what is there, moves it, and puts old copies back, until it is stopped. */
const strangerInRedis = (url: string) => {
  const redis = new Redis(url);
  const copies = new Map<string, string>();
  let [over, written] = [false, 0];
  const writing = (async () => {
    while (!over) {
      const keys = await redis.keys('lumin:*');
      for (const key of keys) {
        const text = (await redis.get(key).catch(() => null)) ?? '';
        const old = copies.get(key);
        if (old === undefined) copies.set(key, text);
        const another = [...copies.values()][written % copies.size] ?? 'junk';
        const forged = [old ?? 'junk', old ?? 'x', text.replace(/first_name":"./, 'first_name":"X'), another][written % 4] as string;
        await redis.set(key, forged);
        written++;
      }
    }
  })();
  return {
    written: () => written,
    stop: async (): Promise<void> => {
      over = true;
      await writing;
      redis.disconnect();
    },
  };
};

describe.skipIf(!hasServers)(`strangers in Redis and NATS under load${needsServers}`, () => {
  it('write all the time: nobody is shown what they wrote, every event is published once, every task runs', async () => {
    const evidence = await underLoad(
      async (rig) => {
        const inNats = await strangerInNats(rig.nats().server.url);
        const inRedis = strangerInRedis(rig.redis().server.url);
        const writing = async (): Promise<void> => {
          await until('they have written', () => inNats.written() > 300 && inRedis.written() > 300);
          await rig.answered(201);
          await rig.answered(202);
        };
        await rig.fault('aside', writing, () => Promise.all([inNats.stop(), inRedis.stop()]));
        expect(inNats.written()).toBeGreaterThan(0);
      },
      { roles: ['all', 'all'], redis: [], nats: '' },
    );
    publishedOnce(evidence);
  });
});
