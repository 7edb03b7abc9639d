import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';

const SQLITE_BUSY = 5;

/** The data folder cannot be used; the message says what to do. */
export class UnusableFolder extends Error {}

/** Another process has the data folder open. */
export class FolderInUse extends UnusableFolder {
  constructor(folder: string, pid: string) {
    super(`the data folder ${folder} is in use by process ${pid}; stop that process, or name another folder in DATABASE_URL`);
    this.name = 'FolderInUse';
  }
}

/**
 * Locks the folder for this process and returns the function that unlocks it. PGlite takes no lock of its own, and two
 * processes on one folder lose data silently. The lock is SQLite's file lock: the operating system drops it when the
 * process dies, however it dies, so there is no stale lock to judge and no race in taking one over.
 *
 * @throws FolderInUse
 */
export const lockFolder = async (folder: string): Promise<() => void> => {
  const pidFile = join(folder, 'lumin.pid');
  const lockFile = join(folder, 'lumin.lock');
  // SQLite would make it readable for everybody.
  closeSync(openSync(lockFile, 'a', 0o600));
  const lock = new DatabaseSync(lockFile);
  try {
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    // A folder on a read-only or broken disk is not one in use.
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    throw new FolderInUse(folder, await livingPid(pidFile));
  }
  writeFileSync(pidFile, String(process.pid), { mode: 0o600 });
  return () => lock.close();
};

/** The holder writes its pid just after it took the lock: a pid of a dead process means to look again in a moment. */
const livingPid = async (file: string, tries = 20): Promise<string> => {
  const pid = readPid(file);
  if (isAlive(pid)) return String(pid);
  if (tries === 0) return 'unknown';
  await setTimeout(50);
  return livingPid(file, tries - 1);
};

const readPid = (file: string): number => {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return 0;
  }
};

const isAlive = (pid: number): boolean => {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};
