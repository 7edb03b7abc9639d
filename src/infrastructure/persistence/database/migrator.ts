import { readdir } from 'node:fs/promises';
import { type Dialect, Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { MigrationStep } from './database.ts';

const folder = new URL('../../../../migrations/', import.meta.url);

const migrations = async (): Promise<Record<string, Migration>> => {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.ts')).sort();
  const loaded = await Promise.all(files.map(async (file) => [file.replace('.ts', ''), await import(new URL(file, folder).href)]));
  return Object.fromEntries(loaded);
};

/** Kysely's migrator holds an advisory lock and runs everything in one transaction, so many replicas may start at once. */
export const migrate = async (dialect: Dialect, direction: 'up' | 'down' | 'status'): Promise<MigrationStep[]> => {
  const db = new Kysely<unknown>({ dialect });
  // Kysely looks for its tables in every schema, and another application may have such in one of its own.
  const { rows } = await sql<{ schema: string | null }>`select current_schema() as schema`.execute(db);
  const schema = rows[0]?.schema;
  const migrator = new Migrator({ db, provider: { getMigrations: migrations }, ...(schema && { migrationTableSchema: schema }) });
  const all = await migrator.getMigrations();
  if (direction === 'status') return all.map(({ name, executedAt }) => ({ name, state: executedAt ? 'applied' : 'pending' }));
  // Kysely refuses a schema with steps that it does not know; but a later release only adds, and this one may run beside it.
  if (direction === 'up' && all.every(({ executedAt }) => executedAt)) return [];
  const { error, results } = direction === 'up' ? await migrator.migrateToLatest() : await migrator.migrateDown();
  if (error) throw error;
  return (results ?? []).map(({ migrationName, direction: went }) => ({
    name: migrationName,
    state: went === 'Up' ? 'applied' : 'reverted',
  }));
};
