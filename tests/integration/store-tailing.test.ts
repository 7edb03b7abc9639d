import { afterEach, describe, expect, it } from 'vitest';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { creation, rename } from '../fixtures/people.ts';

const READERS = 3;
const WRITERS = 32;
const EACH = 12;

describe.each(storeKinds())('whoever reads the log by position on $name', ({ name, available, make }) => {
  const opened: { close: () => Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one.close();
  });
  const open = async (place: Store): Promise<Rig> => {
    const rig = await openRig(place.url);
    opened.push(rig);
    return rig;
  };

  it.skipIf(!available)('finds every event once, in order and without a gap, however many write meanwhile', async () => {
    const place = await make();
    opened.push({ close: place.drop });
    const rig = await open(place);
    // On PostgreSQL two processes write; the embedded store has one process only.
    const rigs = name === 'PGlite' ? [rig] : [rig, await open(place)];

    let writing = true;
    const tail = async (): Promise<number[]> => {
      const positions: number[] = [];
      for (let last = false; !last; ) {
        last = !writing;
        const page = await rig.store.readLog(positions.at(-1) ?? 0, 50);
        positions.push(...page.map(({ position }) => position));
        if (page.length === 50) last = false;
      }
      return positions;
    };
    const readers = Array.from({ length: READERS }, tail);

    await Promise.all(
      Array.from({ length: WRITERS }, async (_, writer) => {
        const { execute } = rigs[writer % rigs.length] as Rig;
        const person = creation();
        await execute(person);
        for (let change = 1; change < EACH; change++) await execute(rename(person.user_id, `Name${change}`));
      }),
    );
    writing = false;

    const all = Array.from({ length: WRITERS * EACH }, (_, i) => i + 1);
    for (const positions of await Promise.all(readers)) expect(positions).toEqual(all);
    expect((await rig.verify()).violations).toEqual([]);
  });
});
