import process from 'node:process';
import { lastWords } from '../infrastructure/container/last-words.ts';

const INTERRUPTED = 130;

/** What is told of an error that ended a command, and the exit code. */
export const outcomeOf = (error: Error & { code?: string }): { code: number; lines: string[] } => {
  if (error.name === 'AbortError') return { code: INTERRUPTED, lines: ['interrupted'] };
  const usage = error.name === 'UsageError' || error.name === 'InvalidValue';
  return { code: usage ? 2 : 1, lines: lastWords(error, process.env) };
};
