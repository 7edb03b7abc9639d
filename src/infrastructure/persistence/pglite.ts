import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { type Database, failureOf, StoreFailure } from './database.ts';
import { lockFolder } from './folder-lock.ts';

const INT8 = 20;

/** The embedded PostgreSQL: in memory, or in a folder that no other process has open. @throws FolderInUse */
export const openPglite = async (folder: string | null): Promise<Database> => {
  const path = folder === null ? null : resolve(folder);
  if (path !== null) await mkdir(path, { recursive: true });
  const unlock = path === null ? () => {} : await lockFolder(path);
  const pglite = await PGlite.create({ ...(path !== null && { dataDir: join(path, 'pg') }), parsers: { [INT8]: Number } });

  return {
    location: path ?? 'memory (gone when the process ends)',
    exclusive: true,

    async query<Row>(text: string, values: readonly unknown[] = []) {
      if (pglite.closed) throw new StoreFailure('unsent');
      const { rows } = await pglite.query<Row>(text, [...values]).catch((error) => {
        throw failureOf(error);
      });
      return rows;
    },

    async migrate(direction) {
      const [{ migrate }, { PGliteDialect }] = await Promise.all([import('./migrator.ts'), import('kysely')]);
      return migrate(new PGliteDialect({ pglite }), direction);
    },

    async close() {
      await pglite.close();
      unlock();
    },
  };
};
