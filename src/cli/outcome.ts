import { explain } from './explain.ts';

const INTERRUPTED = 130;

/** What is told of an error that ended a command, and the exit code. Errors are told by their names, so that nothing is loaded for it. */
export const outcomeOf = (error: Error & { code?: string }): { code: number; lines: string[] } => {
  if (error.name === 'AbortError') return { code: INTERRUPTED, lines: ['interrupted'] };
  const usage = error.name === 'UsageError' || error.name === 'InvalidValue';
  return { code: usage ? 2 : 1, lines: explain(error) };
};
