import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig } from '../infrastructure/container/config.ts';
import { loadEnvFile } from '../infrastructure/container/env-file.ts';
import { type CommandName, commands, type Entry } from './commands.ts';
import type { CliContext, Command } from './context.ts';
import { type Form, output, type Sink } from './output.ts';
import type { Global } from './program.ts';
import { runInService } from './socket/client.ts';
import { openingStore } from './store.ts';
import { UsageError } from './usage-error.ts';

const COLUMNS = 80;
const STARTING_MS = 10_000;
const AGAIN_MS = 250;

const standardOutput: Sink = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  drained: () =>
    process.stdout.writableNeedDrain ? new Promise((resolve) => process.stdout.once('drain', () => resolve())) : Promise.resolve(),
};

const formOf = ({ json = false, color }: Global): Form => {
  const { stdout } = process;
  const terminal = stdout.isTTY === true && !json;
  return { terminal, columns: stdout.columns || COLUMNS, colour: terminal && color && stdout.hasColors(), json };
};

/** Aborted by Ctrl-C; a second one does not wait. */
const interrupted = (): AbortSignal => {
  const controller = new AbortController();
  process.once('SIGINT', () => {
    controller.abort();
    process.once('SIGINT', () => process.exit(130));
  });
  return controller.signal;
};

/** Runs the command where what it works on is. @returns the exit code */
export const run = async (name: CommandName, options: object, global: Global): Promise<number> => {
  const { env } = process;
  for (const line of loadEnvFile(env)) process.stderr.write(`lumin: ${line}\n`);
  const entry: Entry = commands[name];
  const form = formOf(global);
  const signal = interrupted();
  let code = 0;
  const context: CliContext = {
    ...output(form, standardOutput),
    signal,
    fail: () => {
      code = 1;
    },
    withStore: openingStore(env, signal),
    env,
  };
  const command = (await (global.url === undefined ? entry.load() : overHttp(name, entry))) as Command<object>;
  if (global.url !== undefined) {
    await command(context, { ...options, url: global.url });
    return code;
  }
  const folder = entry.runs === 'here' ? null : embeddedFolder(env);
  for (const end = performance.now() + STARTING_MS; ; await sleep(AGAIN_MS, undefined, { signal })) {
    const remote = folder === null ? null : await runInService(folder, { name, options, form }, { ...standardOutput, signal });
    if (remote !== null) return remote;
    try {
      await command(context, options);
      return code;
    } catch (error) {
      // A service that starts has its folder before it takes commands.
      if ((error as Error).name !== 'FolderInUse' || performance.now() > end) throw error;
      context.progress('the data folder is in use; waiting for the service that has it to take commands');
    }
  }
};

const embeddedFolder = (env: NodeJS.ProcessEnv): string | null => {
  const { DATABASE_URL: at } = readConfig(env);
  return at.kind === 'pglite' ? at.folder : null;
};

const overHttp = (name: CommandName, { loadForUrl }: Entry): Promise<Command> => {
  if (loadForUrl) return loadForUrl();
  const offered = Object.entries(commands as Record<string, Entry>).flatMap(([known, entry]) => (entry.loadForUrl ? [known] : []));
  throw new UsageError(`${name} needs the database, which no service lends over HTTP; with --url there are ${offered.join(', ')}`);
};
