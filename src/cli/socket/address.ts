import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OwnError } from '../../domain/own-error.ts';

/** The system takes 108 on Linux and 104 on macOS, and cuts off the rest. */
const MOST_BYTES = 100;

/**
 * Where the process that has the data folder open takes commands: in the folder, which is closed to all but its owner; of a
 * folder with a long path, in the owner's run-time folder. On Windows a pipe. The folder is named without links, so that every
 * process finds the same address. @throws OwnError
 */
export const socketAddress = (folder: string, env: NodeJS.ProcessEnv = process.env): string => {
  const name = `lumin-${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`;
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`;
  const inside = join(folder, 'lumin.sock');
  return Buffer.byteLength(inside) <= MOST_BYTES ? inside : join(env.XDG_RUNTIME_DIR || privateFolder(), `${name}.sock`);
};

/** In a folder for everybody's temporary files, somebody else may have made it first. */
const privateFolder = (): string => {
  const uid = process.geteuid?.();
  const path = join(tmpdir(), `lumin-${uid}`);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const found = lstatSync(path);
  if (found.isDirectory() && found.uid === uid && !(found.mode & 0o077)) return path;
  throw new OwnError(`${path} is not a folder of this user alone; remove it, or set XDG_RUNTIME_DIR`);
};
