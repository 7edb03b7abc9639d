import type { Database } from './database.ts';

export type DatabaseUrl = { kind: 'pglite'; folder: string | null } | { kind: 'postgres'; url: string };

/** Opens the database of either kind, and loads nothing of the other. */
export const openDatabase = async (at: DatabaseUrl, maxConnections: number): Promise<Database> => {
  if (at.kind === 'pglite') return (await import('./pglite.ts')).openPglite(at.folder);
  return (await import('./postgres.ts')).openPostgres(at.url, maxConnections);
};
