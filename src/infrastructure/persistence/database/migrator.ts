import { readdir } from 'node:fs/promises';
import { type Dialect, Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { keepAppendOnly } from './append-only.ts';
import type { MigrationStep } from './database.ts';

const folder = new URL('../../../../migrations/', import.meta.url);

const migrations = async (): Promise<Record<string, Migration>> => {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.ts')).sort();
  const loaded = await Promise.all(files.map(async (file) => [file.replace('.ts', ''), await import(new URL(file, folder).href)]));
  return Object.fromEntries(loaded);
};

/**
 * Many replicas may start at once: Kysely's migrator holds an advisory lock. Each step has a transaction of its own, so that it
 * keeps no lock of a table while a later step waits for that of another one.
 */
export const migrate = async (dialect: Dialect, direction: 'up' | 'down' | 'status'): Promise<MigrationStep[]> => {
  const db = new Kysely<unknown>({ dialect });
  // Kysely looks for its tables in every schema, and another application may have such in one of its own.
  const { rows } = await sql<{ schema: string | null }>`select current_schema() as schema`.execute(db);
  const schema = rows[0]?.schema;
  const migrator = new Migrator({ db, provider: { getMigrations: migrations }, ...(schema && { migrationTableSchema: schema }) });
  const all = await migrator.getMigrations();
  if (direction === 'status') {
    const known = all.map(({ name, executedAt }): MigrationStep => ({ name, state: executedAt ? 'applied' : 'pending' }));
    if (known.every(({ state }) => state === 'pending')) return known;
    const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
    const later = rows.filter(({ name }) => !known.some((step) => step.name === name));
    return [...known, ...later.map(({ name }): MigrationStep => ({ name, state: 'unknown' }))];
  }
  const went: MigrationStep[] = [];
  const one = async (step: 'migrateUp' | 'migrateDown'): Promise<boolean> => {
    const { error, results = [] } = await migrator[step]();
    if (error) throw error;
    for (const { migrationName: name, direction } of results) went.push({ name, state: direction === 'Up' ? 'applied' : 'reverted' });
    return results.length > 0;
  };
  if (direction === 'down') await one('migrateDown');
  // Kysely refuses a schema with steps that it does not know; but a later release only adds, and this one may run beside it.
  else if (all.some(({ executedAt }) => !executedAt)) while (await one('migrateUp'));
  if (direction === 'up') await keepAppendOnly(db);
  return went;
};
