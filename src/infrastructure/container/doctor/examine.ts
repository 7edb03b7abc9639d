import type { Config } from '../config.ts';
import { isFromFile } from '../from-file.ts';
import { embeddedOf, postgresOf } from './database.ts';
import { type Finding, unknown, within, wrong } from './finding.ts';
import { folderNotUsed, folderOf } from './folder.ts';
import { natsOf } from './nats.ts';
import { portsOf } from './ports.ts';
import { redisOf } from './redis.ts';
import { envFileOf, nodeOf, settingsOf } from './settings.ts';

/** For one server; all are looked at together. */
const SERVER_MS = 9_000;

/** Looks at everything that the service needs, and makes nothing. `env` is the environment with .env in it. */
export const examine = async (env: NodeJS.ProcessEnv): Promise<Finding[]> => {
  const environment = Object.fromEntries(Object.entries(env).filter(([name]) => !isFromFile(env, name)));
  const { config, findings, wrongNames } = settingsOf(env);
  const skipped = (name: string, check: string, look: () => Promise<Finding[]>): Promise<Finding[]> =>
    wrongNames.has(name) ? Promise.resolve([unknown(check, `can be told once ${name} is right`)]) : look();
  const servers = await Promise.all([
    skipped('PORT', 'port', () => bounded('port', portsOf(config))),
    skipped('DATABASE_URL', 'database', () => bounded('database', databaseOf(config))),
    skipped('REDIS_URL', 'Redis', () => bounded('Redis', redisServers(config))),
    skipped('NATS_URL', 'NATS', () => bounded('NATS', natsServers(config))),
  ]);
  return [nodeOf(), ...envFileOf(environment), ...findings, ...servers.flat()];
};

const bounded = (check: string, work: Promise<Finding[]>): Promise<Finding[]> =>
  within(
    SERVER_MS,
    work.catch((error) => [failed(check, error)]),
    () => [wrong(check, `no answer within ${SERVER_MS / 1_000} seconds`, 'look whether it hangs, and at the network and what is between')],
  );

/** What nobody foresaw must not take what the other checks have found with it. */
const failed = (check: string, error: Error): Finding =>
  wrong(
    check,
    `could not be looked at: ${error.message}`,
    'npm start, which may say more; where it works, this is a mistake of lumin doctor',
  );

const databaseOf = async (config: Config): Promise<Finding[]> => {
  const at = config.DATABASE_URL;
  if (at.kind === 'postgres') return postgresOf(config, at.url);
  if (at.folder === null) return [folderNotUsed(), ...(await embeddedOf(at, false))];
  const { findings, held } = await folderOf(at.folder);
  const usable = findings.every(({ state }) => state !== 'wrong');
  return [
    ...findings,
    ...(usable ? await embeddedOf(at, held) : [unknown('embedded database', 'can be told once its folder can be used')]),
  ];
};

const redisServers = async ({ REDIS_URL, REDIS_PASSWORD, TASK_RESULT_BACKEND: results, origins }: Config): Promise<Finding[]> => {
  const own = results !== null && results !== REDIS_URL;
  const secretSetting = origins.REDIS_PASSWORD;
  const looks = await Promise.all([
    REDIS_URL === null ? [] : redisOf('Redis', REDIS_URL, REDIS_PASSWORD, { setting: origins.REDIS_URL, secretSetting }),
    own ? redisOf('Redis of task results', results, REDIS_PASSWORD, { setting: origins.TASK_RESULT_BACKEND, secretSetting }) : [],
  ]);
  return REDIS_URL === null && !own
    ? [unknown('Redis', 'not used (REDIS_URL is empty): each process has its own cache only')]
    : looks.flat();
};

const natsServers = async (config: Config): Promise<Finding[]> => {
  const { NATS_URL: url, TASK_BROKER_URL: broker, origins } = config;
  const own = broker !== null && broker !== url;
  const looks = await Promise.all([
    url === null ? [] : natsOf('NATS', url, origins.NATS_URL, config, { events: true, tasks: !own }),
    own ? natsOf('NATS of tasks', broker, origins.TASK_BROKER_URL, config, { events: false, tasks: true }) : [],
  ]);
  return url === null && !own ? [unknown('NATS', 'not used (NATS_URL is empty): events leave the service over /ws only')] : looks.flat();
};
