import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { PostgresAddress, PostgresHost } from './postgres-address.ts';

/** The password in PostgreSQL's password file, which only its owner may be able to read; null where it has none. */
export const passwordInFile = ({ passwordFile, database, user }: PostgresAddress, { name, port }: PostgresHost): string | null => {
  const wanted = [name === null || name.startsWith('/') ? 'localhost' : name, String(port), database, user];
  for (const line of linesOf(passwordFile ?? join(homedir(), '.pgpass'))) {
    const fields = line.match(/(?:\\.|[^:\\])+/g)?.map((field) => field.replace(/\\(.)/g, '$1')) ?? [];
    if (wanted.every((value, index) => fields[index] === '*' || fields[index] === value)) return fields[4] ?? null;
  }
  return null;
};

const linesOf = (file: string): string[] => {
  try {
    if ((statSync(file).mode & 0o077) !== 0) return [];
    return readFileSync(file, 'utf8').split(/\r?\n/);
  } catch {
    return [];
  }
};
