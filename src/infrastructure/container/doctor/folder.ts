import { accessSync, constants, existsSync, lstatSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { FolderInUse, lockFolder } from '../../persistence/database/folder-lock.ts';
import { type Finding, ok, unknown, wrong } from './finding.ts';

const LEAST_FREE_BYTES = 200 * 1_048_576;
const OTHERS = 0o077;

/** The data folder of the embedded database; `held` where a process has it open. */
export const folderOf = async (named: string): Promise<{ findings: Finding[]; held: boolean }> => {
  const path = resolve(named);
  if (!isThere(path)) return { findings: [placeFor(path)], held: false };
  const check = 'data folder';
  try {
    if (!statSync(path).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const mend = `chown -R "$(id -un)" ${path}, or name another folder in DATABASE_URL`;
    return { findings: [wrong(check, `${path} cannot be used (${(error as NodeJS.ErrnoException).code})`, mend)], held: false };
  }
  const holder = await holderOf(path);
  const use = holder === null ? 'no process has it open' : `${holder} has it open`;
  return { findings: [rightsOf(path), spaceOf(path), ok('folder in use', use)], held: holder !== null };
};

/** Also a link that leads nowhere. */
const isThere = (path: string): boolean => {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // A parent is no folder, or not for this user.
    return false;
  }
};

/** Whether the folder can be made: its nearest parent that is there says. */
const placeFor = (path: string): Finding => {
  let parent = dirname(path);
  while (!existsSync(parent) && parent !== dirname(parent)) parent = dirname(parent);
  try {
    if (!statSync(parent).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
    accessSync(parent, constants.W_OK | constants.X_OK);
    return ok('data folder', `${path} is not there yet; npm start makes it`);
  } catch (error) {
    const mend = `mkdir -p ${path} as one who may, and give it to this user; or name another folder in DATABASE_URL`;
    return wrong('data folder', `${path} cannot be made in ${parent} (${(error as NodeJS.ErrnoException).code})`, mend);
  }
};

const rightsOf = (path: string): Finding => {
  if (process.platform === 'win32') return ok('data folder', path);
  const { uid, mode } = statSync(path);
  if (uid !== process.geteuid?.())
    return wrong(
      'data folder',
      `${path} belongs to user ${uid}, and this process runs as ${process.geteuid?.()}`,
      `sudo chown -R "$(id -un)" ${path}`,
    );
  if (mode & OTHERS) return wrong('data folder', `${path} is open to other users of this machine`, `chmod -R go-rwx ${path}`);
  return ok('data folder', `${path}, for its owner only`);
};

const spaceOf = (path: string): Finding => {
  const { bavail, bsize } = statfsSync(path);
  const free = `${((bavail * bsize) / 2 ** 30).toFixed(1)} GB free`;
  return bavail * bsize < LEAST_FREE_BYTES ? wrong('disk', free, `make room on the disk of ${path}`) : ok('disk', free);
};

/** Who has the folder open, in words; null where nobody has. A lock that a dead process has left is none. */
const holderOf = async (path: string): Promise<string | null> => {
  if (!existsSync(join(path, 'lumin.lock'))) return null;
  try {
    (await lockFolder(path)).unlock();
    return null;
  } catch (error) {
    if (!(error instanceof FolderInUse)) throw error;
    const pid = readFileSync(join(path, 'lumin.pid'), 'utf8').trim();
    return `process ${Number.parseInt(pid, 10)}`;
  }
};

export const folderNotUsed = (): Finding => unknown('data folder', 'not used: the data is in PostgreSQL or in memory');
