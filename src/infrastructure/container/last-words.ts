import { OwnError } from '../../domain/own-error.ts';
import { explain } from '../explain.ts';
import { StoreFailure, UnusableDatabase } from '../persistence/database/database.ts';
import type { Place } from '../place.ts';

type Ended = Error & { mistakes?: string[]; code?: string; port?: number; syscall?: string };

/** The name in HOST is looked up before it is listened on. */
const UNUSABLE_HOST = new Set(['ENOTFOUND', 'EAI_AGAIN']);

/** The same error in the words of who can mend it, where it says what is wrong with the database. */
export const inWords = (error: unknown, database: Place): unknown =>
  error instanceof StoreFailure || error instanceof UnusableDatabase || isOfServer(error)
    ? new OwnError(explain(error, database).text, { cause: error })
    : error;

/** What a driver throws where no adapter is between, as in a migration. */
const isOfServer = (error: unknown): boolean =>
  error instanceof Error && 'severity' in error && /^[0-9A-Z]{5}$/.test((error as Ended).code ?? '');

/** With what a process, or a command, ends: one line per mistake, in the words of who can mend it; where it was, with APP_DEBUG. */
export const lastWords = (error: Ended, { HOST, APP_DEBUG = '' }: NodeJS.ProcessEnv): string[] => {
  const lines = error.mistakes ?? [
    error.syscall === 'listen' || UNUSABLE_HOST.has(error.code ?? '') ? listening(error, HOST) : error.message || String(error),
  ];
  if (APP_DEBUG.toLowerCase() !== 'true') return lines;
  return [...lines, ...[error, error.cause].flatMap((one) => (one instanceof Error ? (one.stack ?? '').split('\n').slice(1) : []))];
};

const listening = ({ code = '', port }: Ended, host = '127.0.0.1'): string => {
  if (code === 'EADDRINUSE')
    return `port ${port} is in use; stop the other process or set PORT (of a worker: WORKER_PORT; of metrics: METRICS_PORT)`;
  if (code === 'EACCES') return `port ${port} is not for this user (${code}); set PORT to one above 1023`;
  return `HOST ${host} cannot be listened on (${code}); set it to an address of this machine, or to localhost`;
};
