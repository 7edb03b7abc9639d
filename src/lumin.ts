import { existsSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { describeConfig, InvalidConfig, readConfig } from './infrastructure/container/config.ts';
import { StoreFailure } from './infrastructure/persistence/database.ts';

const help = `Usage: npm run lumin -- <command>

  config                       every variable, its value in force and what it means; exit code 1 where one is wrong
  migrate [up|down|status]     bring the database schema up to date (the default), one step back, or say where it stands
  verify                       check the log and the read model; exit code 1 where they break a rule
`;

const write = (line: string): void => void process.stdout.write(`${line}\n`);

const openDatabase = async () => {
  const config = readConfig(process.env);
  const { openDatabase: open } = await import('./infrastructure/container/container.ts');
  return open(config.DATABASE_URL, 2);
};

const commands: Record<string, (args: string[]) => Promise<void>> = {
  async config() {
    const rows = describeConfig(process.env);
    const width = Math.max(...rows.map(({ name, value }) => name.length + value.length + 1));
    for (const { name, value, source, about } of rows) write(`${`${name}=${value}`.padEnd(width)}  ${source.padEnd(11)}  ${about}`);
    readConfig(process.env);
  },

  async migrate([direction = 'up']) {
    if (direction !== 'up' && direction !== 'down' && direction !== 'status') throw new UsageError(`migrate takes up, down or status`);
    const database = await openDatabase();
    try {
      const steps = await database.migrate(direction);
      for (const { name, state } of steps) write(`${name} ${state}`);
      if (steps.length === 0) write('nothing to do');
    } finally {
      await database.close();
    }
  },

  async verify() {
    const [{ verify }, { eventStore }] = await Promise.all([
      import('./infrastructure/persistence/verify.ts'),
      import('./infrastructure/persistence/event-store.ts'),
    ]);
    const database = await openDatabase();
    try {
      const { users, events, violations } = await verify(database, eventStore(database));
      for (const { invariant, user_id, reason } of violations) write(`${invariant}: ${user_id ? `user ${user_id}: ` : ''}${reason}`);
      write(`${users} users, ${events} events, ${violations.length === 0 ? 'no rule broken' : `${violations.length} violations`}`);
      if (violations.length > 0) process.exitCode = 1;
    } finally {
      await database.close();
    }
  },
};

class UsageError extends Error {}

const UNREACHABLE = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']);
const UNDEFINED_TABLE = '42P01';

/** One line per mistake, in the operator's words. */
const explain = (error: Error & { code?: string }): string[] => {
  if (error instanceof InvalidConfig) return error.mistakes;
  const { code, kind } = error instanceof StoreFailure ? { code: error.sqlstate, kind: error.kind } : { code: error.code, kind: null };
  if (code === UNDEFINED_TABLE) return ['the database has no schema yet; run npm run migrate'];
  if (kind === 'unsent' || kind === 'unknown' || UNREACHABLE.has(code ?? '')) {
    return [`the database cannot be reached${code ? ` (${code})` : ''}; see DATABASE_URL`];
  }
  return [error.message];
};

const main = async (): Promise<void> => {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { help: { type: 'boolean', short: 'h' } } });
  const [name, ...args] = positionals;
  if (values.help || name === undefined) return void process.stdout.write(help);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) throw new UsageError(`there is no command ${name}`);
  if (existsSync('.env')) process.loadEnvFile('.env');
  await command(args);
};

main().catch((error: Error) => {
  const usage = error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  for (const line of explain(error)) process.stderr.write(`lumin: ${line}\n`);
  if (usage) process.stderr.write(help);
  process.exitCode = usage ? 2 : 1;
});
