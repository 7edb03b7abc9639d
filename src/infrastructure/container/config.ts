import { decoded, Mistake } from '../address.ts';
import { natsAddress } from '../connections/nats-address.ts';
import { redisAddress } from '../connections/redis-address.ts';
import type { DatabaseUrl } from '../persistence/database/open-database.ts';
import { postgresAddress } from '../persistence/database/postgres-address.ts';
import { isFromFile } from './from-file.ts';
import { hosts, isLoopback } from './known-hosts.ts';

type Setting<T> = { default: string; about: string; parse: (text: string) => T; secret?: true };

const setting = <T>(preset: string, about: string, parse: (text: string) => T, secret?: true): Setting<T> => ({
  default: preset,
  about,
  parse,
  ...(secret && { secret }),
});

const oneOf =
  <T extends string>(...allowed: T[]) =>
  (text: string): T => {
    const found = allowed.find((value) => value === text);
    if (found === undefined) throw new Mistake(`must be one of ${allowed.join(', ')}`);
    return found;
  };

const whole =
  (min: number, max: number) =>
  (text: string): number => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(number >= min && number <= max)) throw new Mistake(`must be a whole number from ${min} to ${max}`);
    return number;
  };

const share = (text: string): number => {
  if (!/^(?:0|1|[01]?\.\d{1,9})$/.test(text) || Number(text) > 1) throw new Mistake('must be a number from 0 to 1');
  return Number(text);
};

const port = whole(0, 65_535);
const portOrNone = (text: string): number | null => (text === '' ? null : port(text));

const flag = (text: string): boolean => oneOf('true', 'false')(text.toLowerCase() as 'true') === 'true';

const words = (pattern: RegExp, form: string) => (text: string) => {
  if (!pattern.test(text)) throw new Mistake(`must be ${form}`);
  return text;
};

/** A URL that begins with one of the schemes and that `check` understands; null where there is none. */
const urlOf =
  (check: (text: string) => unknown, ...schemes: string[]) =>
  (untrimmed: string): string | null => {
    const text = untrimmed.trim();
    if (text === '') return null;
    if (!schemes.some((scheme) => text.startsWith(`${scheme}://`))) {
      throw new Mistake(`must be a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`);
    }
    check(text);
    return text;
  };

const collector = (text: string): void => {
  decoded(text);
  if (!/^\w+:\/\/[^\s/?#,]+(?:\/[^\s?#]*)?$/.test(text) || !URL.canParse(text) || new URL(text).port === '0') {
    throw new Mistake('must be a URL of a host, a port and perhaps a path');
  }
};

const databaseUrl = (untrimmed: string): DatabaseUrl => {
  const text = untrimmed.trim();
  const folder = /^pglite:\/\/(.+)$/.exec(text)?.[1];
  if (folder !== undefined) return { kind: 'pglite', folder: folder === 'memory' ? null : folder };
  const url = text.replace(/^(postgres(?:ql)?)\+\w+:/, '$1:');
  if (!/^postgres(?:ql)?:\/\//.test(url)) {
    throw new Mistake('must be postgresql://user:password@host:5432/database, pglite://folder or pglite://memory');
  }
  postgresAddress(url);
  return { kind: 'postgres', url };
};

/** As a browser writes it in the header Origin: of a page, or of an app with a scheme of its own, which URL says nothing about. */
const isOrigin = (text: string): boolean =>
  !text.includes('*') && (/^(?:https?|wss?|ftp|file):/.test(text) ? URL.canParse(text) && new URL(text).origin === text : APP.test(text));
const APP = /^[a-z][a-z\d+.-]*:\/\/[\w.~-]+(?::\d{1,5})?$/;

const origins = (text: string): string[] => {
  const list = text.split(',').map((part) => part.trim());
  return list.filter((part) => {
    if (part !== '' && !isOrigin(part)) throw new Mistake('must list origins like https://app.example.com, separated by commas');
    return part !== '';
  });
};

/** Without the slash at the end, so that a path can be appended. */
const publicUrl = (text: string): string => {
  if (text === '') return '';
  if (!/^https?:\/\/[^\s?#@\\]+$/i.test(text) || !URL.canParse(text) || !isWellEncoded(text)) {
    throw new Mistake('must be an http or https URL without user, query and fragment, as https://example.com/users');
  }
  return new URL(text).href.replace(/\/+$/, '');
};

const isWellEncoded = (text: string): boolean => {
  try {
    return decodeURI(text) !== '';
  } catch {
    return false;
  }
};

const LEVELS = ['trace', 'debug', 'info', 'warning', 'warn', 'error', 'critical', 'fatal'] as const;
const level = (text: string): string => {
  const name = oneOf(...LEVELS)(text.toLowerCase() as 'info');
  return { warning: 'warn', critical: 'fatal' }[name as string] ?? name;
};

/** Every variable that the service reads: default, meaning, check. `.env.example` and `lumin config` list the same. */
export const settings = {
  HOST: setting(
    '127.0.0.1',
    'Address to listen on. Container images set 0.0.0.0.',
    words(/^[\p{L}\p{N}._:%-]{1,253}$/u, 'a host name or address'),
  ),
  PORT: setting('8000', 'Port to listen on.', port),
  WORKER_PORT: setting('', 'Port on which a lone worker tells its health; empty: none.', portOrNone),
  METRICS_PORT: setting(
    '',
    'Port on which /metrics is served, there and nowhere else; empty: on PORT, of a lone worker on WORKER_PORT.',
    portOrNone,
  ),
  APP_ENV: setting(
    'development',
    'development, test or production. In production logs are JSON lines and AUTH_MODE must be said.',
    oneOf('development', 'test', 'production'),
  ),
  APP_DEBUG: setting('false', 'true raises the log detail to debug; what fails a start or a command is then told with where it was.', flag),
  LOG_LEVEL: setting('INFO', 'Least level to log: trace, debug, info, warning, error, critical.', level),
  AUTH_MODE: setting(
    'off',
    'off (development only, on this machine) or off-behind-gateway: another service in front of this one checks who calls.',
    oneOf('off', 'off-behind-gateway'),
  ),
  ALLOWED_HOSTS: setting(
    '',
    'With AUTH_MODE=off: names under which the service is called, beside localhost, 127.0.0.1 and [::1], separated by commas.',
    hosts,
  ),
  ALLOWED_ORIGINS: setting('', 'Origins of pages and apps that may call from browsers, separated by commas.', origins),
  PUBLIC_URL: setting(
    '',
    'Address under which clients reach the service, where a proxy takes a path prefix off, as https://example.com/users: begins Location, Link and the servers of the API description. Empty: they begin with /.',
    publicUrl,
  ),
  DATABASE_URL: setting(
    'pglite://.lumin/data',
    'Where the data is: pglite://folder, pglite://memory or postgresql://user:password@host:5432/database?sslmode=… as for libpq and asyncpg, also with several hosts.',
    databaseUrl,
    true,
  ),
  DATABASE_POOL_SIZE: setting(
    '10',
    'PostgreSQL connections kept; together with DATABASE_MAX_OVERFLOW the most that are opened.',
    whole(1, 1000),
  ),
  DATABASE_MAX_OVERFLOW: setting('20', 'PostgreSQL connections beyond DATABASE_POOL_SIZE.', whole(0, 1000)),
  MIGRATE_ON_START: setting('true', 'Bring the database schema up to date at start. false: run `npm run migrate` first.', flag),
  MIGRATION_DATABASE_URL: setting(
    '',
    'The same database as DATABASE_URL, for migrations: as a role that owns the tables, where that of DATABASE_URL does not. Empty: DATABASE_URL.',
    (text) => (text.trim() === '' ? null : databaseUrl(text)),
    true,
  ),
  REDIS_URL: setting(
    '',
    'Redis for the cache that processes share; empty: each has its own only.',
    urlOf(redisAddress, 'redis', 'rediss'),
    true,
  ),
  REDIS_PASSWORD: setting('', 'Password for Redis, where REDIS_URL has none.', (text) => text, true),
  REDIS_POOL_SIZE: setting('10', 'Redis connections.', whole(1, 1000)),
  NATS_URL: setting(
    '',
    'NATS with JetStream, for events and tasks, one server or several with commas; empty: none, and workers look for tasks in the database.',
    urlOf(natsAddress, 'nats', 'tls'),
    true,
  ),
  NATS_STREAM: setting(
    'lumin-events',
    'JetStream stream that events are published to; that of the tasks has -tasks appended.',
    words(/^[\w-]{1,100}$/, 'letters, digits, - and _'),
  ),
  NATS_SUBJECT_PREFIX: setting('lumin', 'First part of every subject.', words(/^[\w-]{1,100}$/, 'letters, digits, - and _')),
  EVENTS_PERSONAL: setting('omit', 'omit or include: whether events in NATS and on /ws carry personal data.', oneOf('omit', 'include')),
  TASK_BROKER_URL: setting(
    '',
    'NATS for tasks, where it is not NATS_URL. Also read as TASKIQ_BROKER_URL.',
    urlOf(natsAddress, 'nats', 'tls'),
    true,
  ),
  TASK_RESULT_BACKEND: setting(
    '',
    'Redis for task results, where it is not REDIS_URL. Also read as TASKIQ_RESULT_BACKEND.',
    urlOf(redisAddress, 'redis', 'rediss'),
    true,
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: setting(
    '',
    'Collector of traces that speaks OTLP over HTTP, as http://localhost:4318; empty: none, and traces cost nothing.',
    urlOf(collector, 'http', 'https'),
    true,
  ),
  OTEL_SERVICE_NAME: setting(
    'lumin-user-service',
    'Name of the service in traces.',
    words(/^[\w.-]{1,100}$/, 'letters, digits, ., - and _'),
  ),
  OTEL_TRACES_SAMPLER: setting(
    'parentbased_always_on',
    'Which requests are traced; with parentbased_… the caller decides where it sends a traceparent.',
    oneOf('parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio', 'always_on', 'always_off', 'traceidratio'),
  ),
  OTEL_TRACES_SAMPLER_ARG: setting('1', 'Share of requests that …traceidratio traces, from 0 to 1.', share),
} satisfies Record<string, Setting<unknown>>;

const aliases: Partial<Record<keyof typeof settings, string>> = {
  TASK_BROKER_URL: 'TASKIQ_BROKER_URL',
  TASK_RESULT_BACKEND: 'TASKIQ_RESULT_BACKEND',
};

/** Every name under which a setting is read. */
export const variables: readonly string[] = [...Object.keys(settings), ...Object.values(aliases)];

export type Config = { readonly [K in keyof typeof settings]: ReturnType<(typeof settings)[K]['parse']> } & {
  /** Of each setting, for people: the variable that was read, and where it was set, as `DATABASE_URL in .env`. */
  readonly origins: Readonly<Record<keyof typeof settings, string>>;
};

/** The configuration is wrong. `mistakes` has one line each, naming the variable. */
export class InvalidConfig extends Error {
  readonly mistakes: string[];

  constructor(mistakes: string[]) {
    super(mistakes.join('\n'));
    this.name = 'InvalidConfig';
    this.mistakes = mistakes;
  }
}

/** The text of a setting, under its own name or its other one. */
export const given = (env: NodeJS.ProcessEnv, name: keyof typeof settings): string | undefined => {
  return env[name] || env[aliases[name] ?? name] || undefined;
};

/** The variable that a setting is read from, and where that was set. */
export const sourceOf = (
  env: NodeJS.ProcessEnv,
  name: keyof typeof settings,
): { read: string; source: 'environment' | '.env' | 'default' } => {
  const read = env[name] ? name : (aliases[name] ?? name);
  if (given(env, name) === undefined) return { read: name, source: 'default' };
  return { read, source: isFromFile(env, read) ? '.env' : 'environment' };
};

const IN_WORDS = { environment: ' in the environment', '.env': ' in .env', default: ', by default' };

const originOf = (env: NodeJS.ProcessEnv, name: keyof typeof settings): string => {
  const { read, source } = sourceOf(env, name);
  return read + IN_WORDS[source];
};

/** @throws InvalidConfig */
export const readConfig = (env: NodeJS.ProcessEnv): Config => {
  const mistakes: string[] = [];
  const entries = Object.entries(settings).map(([name, { default: preset, parse }]) => {
    const text = given(env, name as keyof typeof settings);
    try {
      return [name, parse(text ?? preset)];
    } catch (error) {
      if (!(error instanceof Mistake)) throw error;
      mistakes.push(`${name} ${error.message}`);
      return [name, undefined];
    }
  });
  const origins = Object.fromEntries(Object.keys(settings).map((name) => [name, originOf(env, name as keyof typeof settings)]));
  const config = { ...Object.fromEntries(entries), origins } as Config;
  if (env.APP_ENV === 'production' && given(env, 'AUTH_MODE') !== 'off-behind-gateway') {
    mistakes.push('AUTH_MODE must be off-behind-gateway in production: this version checks no callers itself');
  } else if (config.AUTH_MODE === 'off' && config.HOST !== undefined && !isLoopback(config.HOST)) {
    mistakes.push('AUTH_MODE must be off-behind-gateway where other machines reach HOST: this version checks no callers itself');
  }
  for (const name of ['PORT', 'WORKER_PORT'] as const) {
    if (config.METRICS_PORT && config.METRICS_PORT === config[name]) mistakes.push(`METRICS_PORT must be another port than ${name}`);
  }
  if (config.MIGRATION_DATABASE_URL && [config.MIGRATION_DATABASE_URL, config.DATABASE_URL].some((url) => url?.kind === 'pglite')) {
    mistakes.push('MIGRATION_DATABASE_URL must name the PostgreSQL database of DATABASE_URL; the embedded one has no roles');
  }
  if (mistakes.length > 0) throw new InvalidConfig(mistakes);
  return config;
};

/** The names of settings that one environment has otherwise than the other. */
export const changedSettings = (one: NodeJS.ProcessEnv, other: NodeJS.ProcessEnv): string[] =>
  (Object.keys(settings) as (keyof typeof settings)[]).filter((name) => given(one, name) !== given(other, name));
