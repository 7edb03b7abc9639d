import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { OwnError } from '../domain/own-error.ts';

type Terminal = { input: NodeJS.ReadableStream & { isTTY?: boolean }; output: NodeJS.WritableStream };

/**
 * Comes back where somebody at a terminal types the name of what is at stake, which nobody does by accident. Where nobody can
 * be asked, `--yes` stands for it. @throws OwnError
 */
export const confirmed = async (
  what: string,
  name: string,
  yes: boolean,
  { input, output }: Terminal = { input: process.stdin, output: process.stderr },
): Promise<void> => {
  if (yes) return;
  if (!input.isTTY) throw new OwnError(`${what}; nobody can be asked here, so nothing was done: with --yes it is done`);
  const terminal = createInterface({ input, output });
  const answer = await terminal.question(`${what}. Type ${name} to go on: `).finally(() => terminal.close());
  if (answer.trim() !== name) throw new OwnError('nothing was done');
};
