import process from 'node:process';
import { CommanderError } from 'commander';
import { program } from './cli/program.ts';
import { release } from './cli/release.ts';

// A reader that closes the pipe (`| head`) has seen enough.
process.stdout.on('error', (error: Error & { code?: string }) => process.exit(error.code === 'EPIPE' ? 0 : 1));
// Whatever this process and its children write to the disk is for its user alone.
process.umask(0o077);

const tell = (...lines: string[]): void => {
  for (const line of lines) process.stderr.write(`lumin: ${line}\n`);
};

const root = program(release, async (name, options, global) => {
  let code: number;
  try {
    code = await (await import('./cli/run.ts')).run(name, options, global);
  } catch (error) {
    // Loaded only where something failed.
    const { outcomeOf } = await import('./cli/outcome.ts');
    const outcome = outcomeOf(error as Error);
    code = outcome.code;
    tell(...outcome.lines);
  }
  if (code === 2) tell(`lumin help ${name} says what it takes`);
  process.exitCode = code;
});

const args = process.argv.slice(2);
try {
  await root.parseAsync(args.length > 0 ? args : ['help'], { from: 'user' });
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
