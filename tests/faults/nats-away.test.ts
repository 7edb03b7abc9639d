import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'vitest';
import { until } from '../fixtures/until.ts';
import { hasNats, needsNats } from './needs.ts';
import { long, publishedOnce, underLoad } from './rig.ts';

const AWAY_MS = long ? 600_000 : 3_000;
/** Longer than the server remembers ids of events. */
const FORGOTTEN_MS = 1_500;

describe.skipIf(!hasNats)(`NATS under load${needsNats}`, () => {
  it('is away for long, slow, standing still, and killed as the relay dies: changes go on, and every event arrives, also at a consumer that fails', async () => {
    const evidence = await underLoad(
      async (rig) => {
        const { server, proxy } = rig.nats();
        const [service] = rig.processes;
        if (!service) throw new Error('there is no process');

        const away = async (): Promise<void> => {
          await server.kill();
          await sleep(AWAY_MS);
          await rig.answered(200);
        };
        await rig.fault('nats', away, server.restart);

        await rig.fault(
          'aside',
          async () => {
            await proxy.set({ delay: 200 });
            await sleep(2_000);
          },
          () => proxy.set('pass'),
        );

        // A server that is silent is noticed once it has not answered for a while.
        const told = (what: string) =>
          until(`health tells that NATS is ${what}`, async () => {
            const { checks } = (await (await fetch(`${rig.instance}/health`)).json()) as { checks: { tasks: string } };
            return checks.tasks === what;
          });
        await told('ok');
        const standing = async (): Promise<void> => {
          server.freeze();
          await told('unavailable');
        };
        await rig.fault('aside', standing, server.thaw);
        await told('ok');

        // What was acknowledged is in the stream, and the checkpoint does not say so.
        await rig.fault(
          service,
          async () => {
            await service.kill();
            await service.start('relay.published=kill');
            await service.dies();
            await rig.fault(
              'nats',
              async () => {
                await server.kill();
                await sleep(FORGOTTEN_MS);
              },
              server.restart,
            );
          },
          () => service.start(),
        );
      },
      { nats: '' },
    );
    publishedOnce(evidence);
  });
});
