import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { OwnError } from '../../../domain/own-error.ts';

const SQLITE_BUSY = 5;

/** What a process that stops takes at most, and a little more. */
const STOP_MS = 12_000;
/** A process that was told to stop a moment ago may not know it yet. */
const MOMENT_MS = 1_000;
const LOOK_MS = 100;
const STOPS = ' stops';

/** The data folder cannot be used; the message says what to do. */
export class UnusableFolder extends OwnError {}

/** Another process has the data folder open. */
export class FolderInUse extends UnusableFolder {
  constructor(folder: string, pid: string) {
    super(`the data folder ${folder} is in use by process ${pid}; stop that process, or name another folder in DATABASE_URL`);
    this.name = 'FolderInUse';
  }
}

export type FolderLock = {
  /** Tells whoever comes next that it is worth to wait. */
  willUnlock: () => void;
  unlock: () => void;
};

/**
 * Locks the folder for this process. PGlite takes no lock of its own, and two processes on one folder lose data silently. The
 * lock is SQLite's file lock: the operating system drops it when the process dies, however it dies, so there is no stale lock to
 * judge and no race in taking one over. A process that stops is waited for, which `say` tells people.
 *
 * @throws FolderInUse, UnusableFolder
 */
export const lockFolder = async (folder: string, say: (line: string) => void = () => {}): Promise<FolderLock> => {
  const pidFile = join(folder, 'lumin.pid');
  const lockFile = join(folder, 'lumin.lock');
  // SQLite would make it readable for everybody.
  closeSync(openSync(lockFile, 'a', 0o600));
  const lock = new DatabaseSync(lockFile);
  const since = performance.now();
  let told = false;
  while (!isTaken(lock)) {
    const { pid, stops } = holderOf(pidFile);
    if (performance.now() - since > (stops ? STOP_MS : MOMENT_MS)) {
      lock.close();
      throw new FolderInUse(folder, isAlive(pid) ? String(pid) : 'unknown');
    }
    if (stops && !told) say(`process ${pid} has the data folder ${folder} and is stopping; waiting for it`);
    told ||= stops;
    await setTimeout(LOOK_MS);
  }
  writeFileSync(pidFile, String(process.pid), { mode: 0o600 });
  return {
    willUnlock: () => writeFileSync(pidFile, `${process.pid}${STOPS}`, { mode: 0o600 }),
    unlock: () => lock.close(),
  };
};

/** Whether it is ours now. @throws where no other process has it and it cannot be taken */
const isTaken = (lock: DatabaseSync): boolean => {
  try {
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    // A folder on a read-only or broken disk is not one in use.
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return false;
    lock.close();
    throw error;
  }
};

/** The holder writes its pid just after it took the lock: that of a dead process is of an earlier one. */
const holderOf = (file: string): { pid: number; stops: boolean } => {
  try {
    const text = readFileSync(file, 'utf8');
    const pid = Number.parseInt(text, 10);
    return { pid, stops: text.endsWith(STOPS) && isAlive(pid) };
  } catch {
    return { pid: 0, stops: false };
  }
};

const isAlive = (pid: number): boolean => {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};
