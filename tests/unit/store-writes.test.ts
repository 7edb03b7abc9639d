import { describe, expect, it } from 'vitest';
import { type FailureKind, StoreFailure } from '../../src/infrastructure/persistence/database/database.ts';
import type { Append } from '../../src/infrastructure/persistence/event-store/event-store.ts';
import { storeWrites } from '../../src/infrastructure/persistence/event-store/store-writes.ts';
import { memoryStore } from '../fixtures/event-store-in-memory.ts';

/** A store that fails as it is told to, after some seconds, by a clock of its own. */
const setUp = () => {
  let seconds = 0;
  let failure: StoreFailure | null = null;
  let takes = 0;
  let appends = 0;
  const told: unknown[] = [];
  const { store } = memoryStore();
  const append = async (): Promise<never[]> => {
    appends++;
    seconds += takes;
    if (failure) throw failure;
    return [];
  };
  const writes = storeWrites(
    { ...store, append },
    { report: (error) => told.push((error as StoreFailure).sqlstate), over: () => told.push('over') },
    () => seconds * 1000,
  );
  return {
    writes,
    told,
    appends: () => appends,
    fails: (sqlstate: string, after = 0, kind: FailureKind = 'rolled-back') => {
      [failure, takes] = [new StoreFailure(kind, sqlstate), after];
    },
    works: () => {
      [failure, takes] = [null, 0];
    },
    change: () => writes.store.append([{} as Append]).catch(() => {}),
    look: () => writes.look().catch(() => {}),
    pass: (more: number) => {
      seconds += more;
    },
  };
};

describe('the state of the store', () => {
  it.each(['25006', '42501', '53100', '54000'])('is read-only from the first change that fails with %s', async (sqlstate) => {
    const { fails, change, writes } = setUp();
    fails(sqlstate);
    await change();
    expect(writes.state()).toBe('read-only');
  });

  it('is told where the store takes no changes, and where it takes them again; of one that is busy its requests tell', async () => {
    const { fails, works, change, told } = setUp();
    for (const sqlstate of ['55P03', '25006', '53100']) {
      fails(sqlstate);
      await change();
    }
    works();
    await change();
    expect(told).toEqual(['25006', '53100', 'over']);
  });

  it.each(['55P03', '57014', '40P01'])('is busy where changes have failed with %s for some seconds', async (sqlstate) => {
    const { fails, change, pass, writes } = setUp();
    fails(sqlstate);
    await change();
    expect(writes.state()).toBe('ok');
    pass(4);
    await change();
    expect(writes.state()).toBe('busy');
  });

  it('is busy where one change waited that long', async () => {
    const { fails, change, writes } = setUp();
    fails('57014', 4);
    await change();
    expect(writes.state()).toBe('busy');
  });

  it('is ok where one change went through in between', async () => {
    const { fails, works, change, pass, writes } = setUp();
    fails('55P03');
    await change();
    pass(2);
    works();
    await change();
    fails('55P03');
    pass(2);
    await change();
    expect(writes.state()).toBe('ok');
  });

  it.each<[string, FailureKind]>([
    ['23505', 'refused'],
    ['55P03', 'refused'],
    ['57P01', 'unknown'],
    ['ECONNREFUSED', 'unsent'],
  ])('does not follow from a failure %s that is %s', async (sqlstate, kind) => {
    const { fails, change, writes } = setUp();
    fails(sqlstate, 5, kind);
    await change();
    expect(writes.state()).toBe('ok');
  });

  it('is asked for by an empty append after ten seconds without a change, and not before', async () => {
    const { fails, change, look, pass, appends, writes } = setUp();
    await change();
    fails('25006');
    pass(9);
    await look();
    expect(appends()).toBe(1);
    pass(1);
    await look();
    expect(appends()).toBe(2);
    expect(writes.state()).toBe('read-only');
  });

  it('is asked for every other second while it is not ok, and is ok when an empty append goes through', async () => {
    const { fails, works, change, look, pass, writes } = setUp();
    fails('25006');
    await change();
    works();
    pass(1);
    await look();
    expect(writes.state()).toBe('read-only');
    pass(1);
    await look();
    expect(writes.state()).toBe('ok');
  });

  it('is that of a full disk until a change goes through, or none has failed for a minute: an empty append needs no room', async () => {
    const { fails, works, change, look, pass, writes } = setUp();
    fails('53100');
    await change();
    works();
    pass(59);
    await look();
    expect(writes.state()).toBe('read-only');
    pass(2);
    await look();
    expect(writes.state()).toBe('ok');
    fails('53100');
    await change();
    works();
    await change();
    expect(writes.state()).toBe('ok');
  });
});
