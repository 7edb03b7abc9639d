import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { type Config, readConfig } from './infrastructure/container/config.ts';
import { loadEnvFile } from './infrastructure/container/env-file.ts';
import { lastWords } from './infrastructure/container/last-words.ts';
import { roleNamed } from './infrastructure/container/role.ts';
import { makePrivateFolder } from './infrastructure/persistence/database/private-folder.ts';

/** What can be said at once is said before the rest is loaded, which takes a second or more. */
const main = async (): Promise<void> => {
  // Whatever this process and its children write to the disk is for its user alone.
  process.umask(0o077);
  const environment = { ...process.env };
  for (const line of loadEnvFile(process.env)) process.stderr.write(`lumin: ${line}\n`);
  const config = readConfig(process.env);
  const role = roleNamed(process.argv[2], config);
  // A reader that has gone is no reason to end without order.
  process.stdout.on('error', () => {});
  let stop = (signal: NodeJS.Signals): void => {
    if (config.APP_ENV !== 'production') process.stdout.write(`stopping (${signal}), before it was ready\nstopped\n`);
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(signal));

  const preparing = prepare(config);
  if (preparing !== null && config.APP_ENV !== 'production') process.stdout.write(`${preparing}\n`);
  const { serve } = await import('./serve.ts');
  await serve(config, role, environment, (next) => (stop = next));
};

/** The folder of the embedded database is made here, so that one that cannot be made ends the start at once. @returns what is to be said of it */
const prepare = ({ DATABASE_URL: at }: Config): string | null => {
  if (at.kind === 'postgres' || at.folder === null) return null;
  const folder = makePrivateFolder(resolve(at.folder));
  return existsSync(join(folder, 'pg'))
    ? `opening the embedded database in ${folder}`
    : `preparing the embedded database in ${folder}: the first start takes a few seconds`;
};

main().catch((error) => {
  for (const line of lastWords(error, process.env)) process.stderr.write(`lumin: ${line}\n`);
  process.exit(1);
});
