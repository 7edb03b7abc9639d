import fs from 'node:fs';

const { chmodSync, fchmodSync, mkdirSync, writeFileSync } = fs;
const own = (mode: fs.Mode): number => Number(mode) & 0o700;

/**
 * Whatever this thread makes from now on, by these functions, is for its owner alone, from the first byte. PGlite asks for wider modes, and
 * changes them after it made a file, where no umask helps; and a thread cannot have a umask of its own.
 */
export const makeOnlyPrivateFiles = (): void => {
  fs.chmodSync = (path, mode) => chmodSync(path, own(mode));
  fs.fchmodSync = (file, mode) => fchmodSync(file, own(mode));
  fs.mkdirSync = ((path: string, options?: fs.Mode | fs.MakeDirectoryOptions | null) =>
    mkdirSync(path, { ...(typeof options === 'object' && options), mode: 0o700 })) as typeof fs.mkdirSync;
  fs.writeFileSync = (file, data, options) =>
    writeFileSync(file, data, { ...(typeof options === 'string' ? { encoding: options } : options), mode: 0o600 });
};
