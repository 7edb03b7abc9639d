import { describe, it } from 'vitest';
import { hasPostgres, needsPostgres } from './needs.ts';
import { underLoad } from './rig.ts';
import { again, away } from './rounds.ts';

describe.skipIf(!hasPostgres).concurrent(`PostgreSQL is gone under load${needsPostgres}`, () => {
  it(
    'killed and started again',
    away(
      ({ postgres }) => postgres.kill(),
      ({ postgres }) => postgres.restart(),
    ),
  );
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
});
