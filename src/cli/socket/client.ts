import { once } from 'node:events';
import { lstatSync, realpathSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { resolve } from 'node:path';
import type { Sink } from '../output.ts';
import { release } from '../release.ts';
import { socketAddress } from './address.ts';
import { line, onLines, type Reply, type Request } from './messages.ts';

const MOST_LETTERS = 16 * 1_048_576;
/** What a command that is given up may take to end. */
const END_MS = 5_000;
/** Nobody listens there, or nobody any more. */
const NOBODY = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTSOCK']);

/**
 * Lets the service that has the data folder open run the command, and writes what it answers.
 * @returns the exit code; null where no service has it open
 */
export const runInService = async (
  folder: string,
  request: Omit<Request, 'release'>,
  { out, err, signal }: Sink & { signal: AbortSignal },
): Promise<number | null> => {
  const socket = await connected(resolve(folder));
  if (socket === null) return null;
  let code: number | null = null;
  onLines(socket, MOST_LETTERS, (text) => {
    const reply = JSON.parse(text) as Reply;
    if ('out' in reply) out(reply.out);
    else if ('err' in reply) err(reply.err);
    else code = reply.code;
  });
  const giveUp = (): void => {
    socket.end();
    setTimeout(() => socket.destroy(), END_MS).unref();
  };
  signal.addEventListener('abort', giveUp, { once: true });
  socket.on('error', () => {}).on('end', () => socket.end());
  socket.write(line({ release, ...request }));
  await once(socket, 'close');
  if (code === null) err('lumin: the service ended before the command did\n');
  return code ?? 1;
};

const connected = async (folder: string): Promise<Socket | null> => {
  let address: string;
  try {
    address = socketAddress(realpathSync(folder));
    // Who listens in a folder of somebody else is not asked; to open it is refused, and says so.
    if (process.platform !== 'win32' && lstatSync(address).uid !== process.geteuid?.()) return null;
  } catch (error) {
    // A folder that cannot be looked at cannot be opened either, and that says why.
    if ((error as NodeJS.ErrnoException).syscall !== undefined) return null;
    throw error;
  }
  const socket = connect({ path: address, allowHalfOpen: true });
  try {
    await once(socket, 'connect');
    return socket;
  } catch (error) {
    if (NOBODY.has((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
};
