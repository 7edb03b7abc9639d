import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { embedded, hostilePostgres, type Store } from '../fixtures/database-kinds.ts';
import { storeContract } from './store.contract.ts';
import { batchContract } from './store-batch.contract.ts';

describe.each([embedded, hostilePostgres()])('the store on $name', ({ available, make }) => {
  let place: Store;
  let rig: Rig;
  beforeAll(async () => {
    if (!available) return;
    place = await make();
    rig = await openRig(place.url);
  });
  afterAll(async () => {
    await rig?.close();
    await place?.drop();
  });

  describe.skipIf(!available)('keeps its contract', () => {
    storeContract(() => rig);
    batchContract(() => rig);

    it('breaks no rule in all of this', async () => {
      const { violations, events } = await rig.verify();
      expect(violations).toEqual([]);
      expect(events).toBeGreaterThan(0);
    });
  });
});
