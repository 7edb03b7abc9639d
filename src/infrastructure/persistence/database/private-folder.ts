import { chmodSync, lstatSync, mkdirSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UnusableFolder } from './folder-lock.ts';

const OTHERS = 0o077;
// Windows has no modes, and closes the folders of a user to others as they are.
const knowsNoModes = process.platform === 'win32';

/**
 * Makes the folder, where it is missing, for the user alone who runs the service: addresses of people lie in it.
 * @returns its path, with no link in it
 * @throws UnusableFolder where the folder is somebody else's, who could always look into it
 */
export const makePrivateFolder = (named: string): string => {
  mkdirSync(named, { recursive: true, mode: 0o700 });
  const path = realpathSync(named);
  const { uid } = statSync(path);
  const own = process.geteuid?.();
  if (knowsNoModes || uid === own) return path;
  throw new UnusableFolder(
    `the data folder ${path} belongs to user ${uid}, and this process runs as ${own}; run it as that user, or name another folder in DATABASE_URL`,
  );
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
