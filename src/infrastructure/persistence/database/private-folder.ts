import { accessSync, chmodSync, constants, existsSync, lstatSync, mkdirSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UnusableFolder } from './folder-lock.ts';

const OTHERS = 0o077;
// Windows has no modes, and closes the folders of a user to others as they are.
const knowsNoModes = process.platform === 'win32';

/** What the system says of a folder, by its codes. */
const REASONS: Record<string, string> = {
  EEXIST: 'there is a file of this name',
  ENOTDIR: 'a part of its path is a file',
  ENOENT: 'a part of its path leads nowhere',
  EACCES: 'the user of this process may not write there',
  EPERM: 'the user of this process may not write there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of this user is used up',
  ENAMETOOLONG: 'its path is too long',
  ELOOP: 'its path is a circle of links',
  EIO: 'its disk has an error',
};

/** The numbers that PGlite has for them, as every program in WebAssembly (WASI). */
const OF_WASI: Record<number, string> = { 2: 'EACCES', 19: 'EDQUOT', 29: 'EIO', 51: 'ENOSPC', 63: 'EPERM', 69: 'EROFS' };

const whyNot = (folder: string, what: string, error: unknown): UnusableFolder => {
  const { name, message = name, errno = 0, code = OF_WASI[errno] ?? '' } = error as NodeJS.ErrnoException;
  const why = REASONS[code] ?? (code.startsWith('E') && !code.startsWith('ERR_') ? code : message);
  return new UnusableFolder(`the data folder ${folder} cannot be ${what}: ${why}; mend that, or name another folder in DATABASE_URL`, {
    cause: error,
  });
};

/** What `work` does in the folder. @throws UnusableFolder with the reason where the folder does not let it */
export const usable = async <T>(folder: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw error instanceof UnusableFolder ? error : whyNot(folder, 'used', error);
  }
};

/** One by one: where a folder can never be made, as below /proc, Node's own way of making those above it too does not end. */
const make = (path: string): void => {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' || dirname(path) === path || existsSync(dirname(path))) throw error;
    make(dirname(path));
    mkdirSync(path, 0o700);
  }
};

/**
 * Makes the folder, where it is missing, for the user alone who runs the service: addresses of people lie in it.
 * @returns its path, with no link in it
 * @throws UnusableFolder also where it is somebody else's, who could always look into it
 */
export const makePrivateFolder = (named: string): string => {
  try {
    make(resolve(named));
  } catch (error) {
    throw whyNot(named, 'made', error);
  }
  const path = realpathSync(named);
  const { uid } = statSync(path);
  const own = process.geteuid?.();
  if (!knowsNoModes && uid !== own) {
    throw new UnusableFolder(
      `the data folder ${path} belongs to user ${uid}, and this process runs as ${own}; run it as that user, or name another folder in DATABASE_URL`,
    );
  }
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw whyNot(path, 'used', error);
  }
  return path;
};

/** Closes a folder of an earlier release, which everybody on the machine could read. @returns what was mended, for people; or null */
export const closeToOthers = (path: string): string | null => {
  if (knowsNoModes) return null;
  // The folder itself first: then nobody else reaches what is below while that is mended.
  const open = closed(path);
  const below = readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => closed(join(path, name)));
  if (statSync(path).mode & OTHERS) return `the data folder ${path} is open to others, and its file system lets nobody change that`;
  return open || below.includes(true) ? `the data folder ${path} was open to others; it is now closed to all but its owner` : null;
};

/** Whether it was open to others, and is no longer. */
const closed = (path: string): boolean => {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isSymbolicLink() || !(found.mode & OTHERS)) return false;
  try {
    chmodSync(path, found.mode & 0o700);
    return true;
  } catch {
    // The file belongs to somebody else, or the file system knows no modes.
    return false;
  }
};
