import { describe, it } from 'vitest';
import { hasPostgres, needsPostgres } from './needs.ts';
import { away } from './rounds.ts';

describe.skipIf(!hasPostgres)(`PostgreSQL is gone under load${needsPostgres}`, () => {
  it(
    'killed and started again',
    away(
      ({ postgres }) => postgres.kill(),
      ({ postgres }) => postgres.restart(),
    ),
  );
});
