import { OwnError } from '../domain/own-error.ts';
import { readConfig } from '../infrastructure/container/config.ts';
import { takeEmbeddedFolder } from '../infrastructure/persistence/database/embedded-folder.ts';
import { postgresAddress } from '../infrastructure/persistence/database/postgres-address.ts';
import type { CliContext } from './context.ts';
import { agreedToLose, counted, type LossFlags } from './loss.ts';

/** Removes the embedded database, after the question that everything is asked which loses data. */
export const reset = async ({ env, write, json }: CliContext, flags: LossFlags): Promise<void> => {
  const folder = await takeEmbeddedFolder(folderNamed(env));
  if (folder === null) return write(json ? '{"removed":false}' : 'nothing to do: there is no data folder');
  try {
    const { path } = folder;
    const events = await folder.events();
    await agreedToLose(
      env,
      {
        command: 'reset',
        location: path,
        events,
        why: 'all of it would be gone. Stop the service and copy the folder to keep it',
        question: `the database in ${path} is removed${events ? `, with the ${counted(events)} of its log` : ''}`,
      },
      flags,
    );
    const left = folder.empty();
    if (json) return write(JSON.stringify({ removed: true, path, left }));
    write(`the database in ${path} is gone; npm start makes a new one`);
    if (left.length > 0) write(`left, because this service has not made it: ${left.join(', ')}`);
  } finally {
    folder.release();
  }
};

/** @throws OwnError where the data is not in a folder */
const folderNamed = (env: NodeJS.ProcessEnv): string => {
  const at = readConfig(env).DATABASE_URL;
  if (at.kind === 'postgres') {
    const { database, hosts, user } = postgresAddress(at.url);
    const [host] = hosts;
    const server = `-h ${host?.name ?? 'localhost'} -p ${host?.port}`;
    throw new OwnError(
      `reset is for the embedded database, and DATABASE_URL names PostgreSQL; to lose all that is in it: ` +
        `dropdb ${server} ${database} && createdb ${server} -O ${user} ${database} && npm run migrate`,
    );
  }
  if (at.folder === null) throw new OwnError('nothing to do: a database in memory is gone with its process');
  return at.folder;
};
