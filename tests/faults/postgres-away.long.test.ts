import pg from 'pg';
import { describe, it } from 'vitest';
import { until } from '../fixtures/until.ts';
import { hasPostgres, needsPostgres } from './needs.ts';
import { underLoad } from './rig.ts';
import { afterwards, away, lasting } from './rounds.ts';

describe.skipIf(!hasPostgres).concurrent(`PostgreSQL cannot be reached under load${needsPostgres}`, () => {
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
        await afterwards();
      },
      { conf: { max_connections: '20' } },
    ));
});
