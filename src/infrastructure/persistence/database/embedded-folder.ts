import { lstatSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { lockFolder, UnusableFolder } from './folder-lock.ts';

/** What every data folder of PostgreSQL has, and no other folder of that name. */
const OF_POSTGRESQL = ['PG_VERSION', 'base', 'global', 'pg_wal'];
/** What it is called while it is being removed, so that half of it is never taken for a database. */
const REMOVED = 'pg.removed';
/** The lock stays: who waits for it waits for this file. SQLite has the other one while the lock is held. */
const LOCK = 'lumin.lock';
const KEPT = new Set([LOCK, `${LOCK}-journal`]);
const OURS = ['pg', REMOVED, 'lumin.pid', 'lumin.sock'];

export type EmbeddedFolder = {
  path: string;
  /** How many events its log has; null where nobody can tell, because the database does not open. */
  events: () => Promise<number | null>;
  /** Removes what the service has made, and nothing else. @returns the names of what is left, which somebody else has made */
  empty: () => string[];
  release: () => void;
};

/**
 * The folder of the embedded database, for this process alone until `release`; null where there is none.
 * @throws UnusableFolder where it is in use, or is not one that this service has made
 */
export const takeEmbeddedFolder = async (named: string): Promise<EmbeddedFolder | null> => {
  if (lstatSync(resolve(named), { throwIfNoEntry: false }) === undefined) return null;
  const path = realpathSync(resolve(named));
  checkOurs(path);
  const { unlock } = await lockFolder(path);
  return {
    path,
    events: async () => (isThere(join(path, 'pg')) ? eventsIn(join(path, 'pg')).catch(() => null) : 0),
    empty: () => {
      rmSync(join(path, REMOVED), { recursive: true, force: true });
      if (isThere(join(path, 'pg'))) renameSync(join(path, 'pg'), join(path, REMOVED));
      // What is a link is removed itself, and not what it leads to.
      for (const name of OURS) rmSync(join(path, name), { recursive: true, force: true });
      return readdirSync(path).filter((name) => !KEPT.has(name));
    },
    release: unlock,
  };
};

const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

/** @throws UnusableFolder */
const checkOurs = (path: string): void => {
  const why = notOurs(path);
  if (why !== null)
    throw new UnusableFolder(`${path} is left alone, because it is not a folder that this service has made: ${why}. Look at DATABASE_URL`);
};

const notOurs = (path: string): string | null => {
  const folder = lstatSync(path);
  if (!folder.isDirectory()) return 'it is a file';
  if (process.geteuid !== undefined && folder.uid !== process.geteuid()) return 'it belongs to another user';
  if (!isThere(join(path, LOCK))) return `it has no ${LOCK}`;
  const pg = lstatSync(join(path, 'pg'), { throwIfNoEntry: false });
  if (pg === undefined) return null;
  if (!pg.isDirectory()) return 'pg in it is no folder of its own';
  const lacking = OF_POSTGRESQL.filter((name) => !isThere(join(path, 'pg', name)));
  return lacking.length > 0 ? `pg in it lacks ${lacking.join(', ')}` : null;
};

/** In this thread: nothing else waits for it. */
const eventsIn = async (dataDir: string): Promise<number> => {
  const { PGlite } = await import('@electric-sql/pglite');
  const database = await PGlite.create({ dataDir });
  try {
    const { rows: tables } = await database.query<{ log: string | null }>(`select to_regclass('log_head') as log`);
    if (tables[0]?.log == null) return 0;
    const { rows } = await database.query<{ position: number }>('select position::float8 as position from log_head');
    return rows[0]?.position ?? 0;
  } finally {
    await database.close();
  }
};
