import process from 'node:process';
import { UsageError } from './cli/usage-error.ts';

const help = `Usage: npm run lumin -- <command>

  config                             every variable, its value in force and what it means; exit code 1 where one is wrong
  migrate [up|down|status] [--yes] [--lose-the-log]
                                     bring the database schema up to date (the default), one step back, or say where it stands;
                                     of status, exit code 1 where steps are pending; down asks, or wants --yes where nobody can be
                                     asked, and --lose-the-log in production and where there are events
  verify                             check the log and the read model; exit code 1 where they break a rule
  rebuild                            make the read model again from the log, also while the service runs
  events [--follow] [--after N] [--user ID]
                                     the log in order of position, without personal data
  users get ID                       one user as the service has it
  users list [--status S] [--q PREFIX] [--email E] [--phone P] [--limit N]
                                     users, latest first

On a terminal these print tables; in a pipe, JSON lines. With the embedded database, stop the service first.
`;

type Run = (args: string[]) => Promise<void>;

/** Each command is loaded when it is called, so that --help costs nothing. */
const commands: Record<string, () => Promise<Run>> = {
  config: async () => (await import('./cli/config.ts')).config,
  migrate: async () => (await import('./cli/migrate.ts')).migrate,
  verify: async () => (await import('./cli/verify.ts')).verify,
  rebuild: async () => (await import('./cli/rebuild.ts')).rebuild,
  events: async () => (await import('./cli/events.ts')).events,
  users: async () => (await import('./cli/users.ts')).users,
};

const takesNothing = ['config', 'verify', 'rebuild'];

// A reader that closes the pipe (`| head`) has seen enough.
process.stdout.on('error', (error: Error & { code?: string }) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const main = async ([name, ...args]: string[]): Promise<void> => {
  // Whatever this process and its children write to the disk is for its user alone.
  process.umask(0o077);
  if (name === undefined || args.includes('--help') || name === '--help' || name === '-h') return void process.stdout.write(help);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) throw new UsageError(`there is no command ${name}`);
  if (args.length > 0 && takesNothing.includes(name)) throw new UsageError(`${name} takes no arguments`);
  const { loadEnvFile } = await import('./infrastructure/container/env-file.ts');
  for (const line of loadEnvFile(process.env)) process.stderr.write(`lumin: ${line}\n`);
  await (await command())(args);
};

main(process.argv.slice(2)).catch(async (error: Error & { code?: string }) => {
  // Loaded only where something failed.
  const { lastWords } = await import('./infrastructure/container/last-words.ts');
  // Told by its name, so that no value object is loaded for it.
  const usage = error instanceof UsageError || error.name === 'InvalidValue' || error.code?.startsWith('ERR_PARSE_ARGS');
  for (const line of lastWords(error, process.env)) process.stderr.write(`lumin: ${line}\n`);
  if (usage) process.stderr.write(`\n${help}`);
  process.exitCode = usage ? 2 : 1;
});
