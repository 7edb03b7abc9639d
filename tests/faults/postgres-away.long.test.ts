import pg from 'pg';
import { describe, it } from 'vitest';
import { until } from '../fixtures/until.ts';
import { hasPostgres, needsPostgres } from './needs.ts';
import { underLoad } from './rig.ts';
import { afterwards, again, away, lasting } from './rounds.ts';

describe.skipIf(!hasPostgres).concurrent(`PostgreSQL cannot be reached under load${needsPostgres}`, () => {
  it(
    'standing still',
    away(
      ({ postgres }) => postgres.freeze(),
      ({ postgres }) => postgres.thaw(),
    ),
  );
  it('restarted in each of its ways: smart, fast, immediate', () =>
    underLoad(
      again(async ({ postgres, fault, answered }) => {
        for (const way of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
          const end = async (): Promise<void> => {
            // Smart: whoever is connected goes on, and nobody else is let in. It would wait for the service for ever.
            process.kill(postgres.pid(), way);
            if (way === 'SIGTERM') await answered(201);
            await postgres.end(way === 'SIGTERM' ? 'SIGINT' : way);
          };
          await fault('store', end, postgres.restart);
          await answered(201);
        }
      }),
    ));

  it(
    'behind a network that swallows everything',
    away(
      ({ proxy }) => proxy.set('blackhole'),
      ({ proxy }) => proxy.set('pass'),
    ),
  );

  it('every connection is taken by others', () =>
    underLoad(
      async (rig) => {
        const taken: pg.Client[] = [];
        const take = async (): Promise<void> => {
          const client = new pg.Client({ connectionString: rig.postgres.url });
          client.on('error', () => {});
          await client.connect();
          taken.push(client);
        };
        await rig.fault(
          'store',
          async () => {
            // Nobody else is to be faster.
            await rig.proxy.set('refuse');
            rig.proxy.cutAll();
            await until('no connection is left', async () =>
              (await Promise.allSettled(Array.from({ length: 20 }, take))).every(({ status }) => status === 'rejected'),
            );
            await rig.proxy.set('pass');
            await rig.answered('store-unavailable');
            await lasting(rig);
          },
          () => Promise.all(taken.map((client) => client.end())),
        );
        await afterwards(rig);
      },
      { conf: { max_connections: '20' } },
    ));
});
