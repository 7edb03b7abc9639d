import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'vitest';
import { until } from '../fixtures/until.ts';
import { ask } from './gather-caches.ts';
import { hasRedis, needsRedis } from './needs.ts';
import { underLoad } from './rig.ts';
import { again } from './rounds.ts';

describe.skipIf(!hasRedis)(`Redis under load${needsRedis}`, () => {
  it('is slow, cut off, flushed, restarted empty and full: nobody notices', () =>
    underLoad(
      again(async ({ redis, fault, random, answered }) => {
        const { server, proxy } = redis();
        await fault(
          'aside',
          async () => {
            await proxy.set({ delay: 500 });
            await sleep(2_000);
          },
          () => proxy.set('pass'),
        );
        for (let count = 0; count < 5; count++) {
          await fault('aside', async () => proxy.cutAll());
          await sleep(random.below(1_000));
        }
        await fault('aside', server.restart);
        await until('it is in use again', async () => Number(await ask(server.url, 'dbsize')) > 0);
        await ask(server.url, 'flushall');
        await answered(200);
        await ask(server.url, 'config', 'set', 'maxmemory', '1');
        await sleep(2_000);
        await ask(server.url, 'config', 'set', 'maxmemory', '0');
      }),
      { roles: ['all', 'all'], redis: [] },
    ));
});
