import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openRig } from '../fixtures/application-rig.ts';
import { killNine, listening, startMain } from '../fixtures/child.ts';
import { storeKinds } from '../fixtures/database-kinds.ts';
import { lostOrDoubled, makeLoad } from '../fixtures/load.ts';
import { seeded } from '../fixtures/seeded.ts';
import { until } from '../fixtures/until.ts';

const ROUNDS = 4;
const CLIENTS = 8;

// Both wait for processes most of the time, so they run side by side.
describe.concurrent.each(storeKinds())('kill -9 under load, again and again, on $name', ({ available, make }) => {
  it.skipIf(!available)(
    'loses nothing that was acknowledged and doubles nothing',
    () =>
      seeded(async (random) => {
        const place = await make();
        try {
          const load = makeLoad(random);
          for (let round = 0; round < ROUNDS; round++) {
            const child = startMain({ DATABASE_URL: place.url });
            const address = await listening(child);
            await until('it is ready', async () => (await fetch(`${address}/health/ready`)).ok);
            const before = load.acknowledged().length;
            const loading = load.run(address, CLIENTS);
            // What goes wrong in the load is said by the load.
            await Promise.race([loading, until('the load is one', () => load.acknowledged().length > before + CLIENTS)]);
            await sleep(random.below(500));
            await killNine(child);
            await loading;
          }

          const rig = await openRig(place.url);
          // The workers that held these are dead.
          await rig.tasks.releaseAll();
          rig.startRunner();
          const tasks = load.sent.flatMap(({ acknowledged }) => acknowledged?.task_id ?? []);
          for (const id of tasks) expect(await rig.ended(id)).toMatchObject({ status: 'succeeded', error: null });

          const acknowledged = load.acknowledged();
          expect(lostOrDoubled(load.sent, await rig.log())).toEqual([]);
          expect((await rig.verify()).violations).toEqual([]);
          expect(new Set(acknowledged.map(({ kind }) => kind))).toEqual(new Set(['create', 'rename', 'email']));
          expect(acknowledged.length).toBeGreaterThan(ROUNDS * CLIENTS);
          await rig.close();
        } finally {
          await place.drop();
        }
      }),
    300_000,
  );
});
