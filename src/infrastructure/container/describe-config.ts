import { natsAddress } from '../connections/nats-address.ts';
import { redisAddress } from '../connections/redis-address.ts';
import { postgresAddress } from '../persistence/database/postgres-address.ts';
import { given, settings, sourceOf } from './config.ts';

type Name = keyof typeof settings;

const hostAndPort = (host: string | null, port: number): string => `${host?.includes(':') ? `[${host}]` : (host ?? 'localhost')}:${port}`;

/** Where an address leads, and nothing else of it. */
const places: Partial<Record<string, (url: string) => string>> = {
  postgresql: (url) => {
    const { hosts, database } = postgresAddress(url);
    return `postgresql://${hosts.map(({ name, port }) => hostAndPort(name, port)).join(',')}/${database}`;
  },
  redis: (url) => {
    const { host, port, db, tls } = redisAddress(url);
    return `${tls ? 'rediss' : 'redis'}://${hostAndPort(host, port)}/${db}`;
  },
  nats: (url) => {
    const { servers, tls } = natsAddress(url);
    return `${tls ? 'tls' : 'nats'}://${servers.join(',')}`;
  },
  http: (url) => {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname}`;
  },
};

const SET = '(set)';
const kinds: Record<string, string> = { postgres: 'postgresql', rediss: 'redis', tls: 'nats', https: 'http' };

const withoutSecrets = (text: string): string => {
  const [, scheme = '', rest = ''] = /^\s*(\w+)(?:\+\w+)?:(.*?)\s*$/s.exec(text) ?? [];
  if (scheme === 'pglite') return text;
  try {
    return places[kinds[scheme] ?? scheme]?.(`${scheme}:${rest}`) ?? SET;
  } catch {
    return SET;
  }
};

/** Each setting with its value in force and where it is from; of addresses the hosts, of other secrets nothing. */
export const describeConfig = (
  env: NodeJS.ProcessEnv,
): { name: string; value: string; source: 'environment' | '.env' | 'default'; about: string }[] =>
  (Object.keys(settings) as Name[]).map((name) => {
    const { default: preset, about, ...rest } = settings[name];
    const text = given(env, name);
    const value = text === undefined ? preset : 'secret' in rest ? withoutSecrets(text) : text;
    return { name, value, source: sourceOf(env, name).source, about };
  });
