import type { Database } from './database.ts';

export type DatabaseUrl = { kind: 'pglite'; folder: string | null } | { kind: 'postgres'; url: string };

/** Opens the database of either kind, and loads nothing of the other. `say` tells people what they should know of its server; `setting` is the variable that names it, and where that was set. */
export const openDatabase = async (
  at: DatabaseUrl,
  maxConnections: number,
  say: (line: string) => void = (line) => process.stderr.write(`lumin: ${line}\n`),
  setting = 'DATABASE_URL',
): Promise<Database> => {
  if (at.kind === 'pglite') return (await import('./pglite.ts')).openPglite(at.folder, setting);
  return (await import('./postgres.ts')).openPostgres(at.url, maxConnections, say, setting);
};

/** Lends the database as the role that owns its tables and migrates them. */
export const asOwner = async <T>(
  { MIGRATION_DATABASE_URL: url, origins }: { MIGRATION_DATABASE_URL: DatabaseUrl | null; origins: { MIGRATION_DATABASE_URL: string } },
  database: Database,
  work: (database: Database) => Promise<T>,
): Promise<T> => {
  if (url === null) return work(database);
  // What is to be said of the server, the other one says.
  const owner = await openDatabase(url, 1, () => {}, origins.MIGRATION_DATABASE_URL);
  return work(owner).finally(owner.close);
};
