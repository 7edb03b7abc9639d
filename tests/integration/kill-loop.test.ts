import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { check } from '../faults/checker.ts';
import { type Fault, nothingElse } from '../faults/evidence.ts';
import { readStore } from '../faults/gather.ts';
import { prepareProcess } from '../faults/processes.ts';
import { openRig } from '../fixtures/application-rig.ts';
import { storeKinds } from '../fixtures/database-kinds.ts';
import { startHistory, succeeded } from '../fixtures/history.ts';
import { startLoad } from '../fixtures/load.ts';
import { seeded } from '../fixtures/seeded.ts';
import { until } from '../fixtures/until.ts';

const ROUNDS = 3;
const CLIENTS = 8;

// Both wait for processes most of the time, so they run side by side.
describe.concurrent.each(storeKinds())('kill -9 under load, again and again, on $name', ({ available, make }) => {
  it.skipIf(!available)('loses nothing that was acknowledged and doubles nothing', () =>
    seeded(async (random) => {
      const place = await make();
      const history = startHistory();
      const faults: Fault[] = [];
      const changes = () => history.operations.filter((one) => one.method !== 'GET' && succeeded(one));
      const service = await prepareProcess('all', { DATABASE_URL: place.url });
      try {
        await service.start();
        const load = startLoad(random, history, [service.instance], { clients: CLIENTS, thinkMs: 10 });
        for (let round = 0; round < ROUNDS; round++) {
          if (round > 0) await service.start();
          for (const fault of faults.slice(-1)) fault.mending = fault.to = performance.now();
          const before = changes().length;
          await until('the load is one', () => changes().length > before + CLIENTS);
          await sleep(random.below(500));
          faults.push({ what: 'api', from: performance.now(), mending: Number.POSITIVE_INFINITY, to: Number.POSITIVE_INFINITY });
          await service.kill();
        }
        await load.stop(0);
        expect(new Set(changes().map(({ kind }) => kind))).toEqual(new Set(['create', 'rename', 'phone', 'email']));

        const rig = await openRig(place.url);
        // The workers that held these are dead.
        await rig.tasks.releaseAll();
        rig.startRunner();
        const tasks = new Set(history.operations.flatMap(({ status, task_id }) => (status === 202 && task_id ? task_id : [])));
        for (const id of tasks) expect(await rig.ended(id)).toMatchObject({ status: 'succeeded', error: null });
        expect((await rig.verify()).violations).toEqual([]);
        const evidence = { ...nothingElse, ...(await readStore(rig.database)), history: history.operations, faults, slackMs: 5_000 };
        await rig.close();
        expect(check(evidence)).toEqual([]);
      } finally {
        await service.kill();
        await place.drop();
      }
    }),
  );
});
