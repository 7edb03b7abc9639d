import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { type Store, type StoreKind, storeKinds } from '../fixtures/database-kinds.ts';

const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
const statements = [...page.matchAll(/```sql\n(.*?)```/gs)]
  .flatMap(([, text = '']) => text.split(/;\n\s*/))
  .filter((text) => text !== '')
  .map((text) => ({ title: /^(?:-- )?(.+)/.exec(text)?.[1], text }));
const postgres = storeKinds().at(-1) as StoreKind;

describe.skipIf(!postgres.available)('docs/operations.md [needs PostgreSQL: set TEST_DATABASE_URL or install it]', () => {
  let store: Store;
  let rig: Rig;

  beforeAll(async () => {
    store = await postgres.make();
    rig = await openRig(store.url);
  });
  afterAll(async () => {
    await rig?.close();
    await store?.drop();
  });

  it('has statements', () => expect(statements.length).toBeGreaterThan(10));

  it.each(statements)('has one that the database takes: $title', async ({ text }) => {
    await rig.database.query(text);
  });
});
