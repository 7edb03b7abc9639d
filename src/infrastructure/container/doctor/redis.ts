import { Redis as Client } from 'ioredis';
import { redisAddress } from '../../connections/redis-address.ts';
import type { Place } from '../../place.ts';
import { explained } from './explained.ts';
import { clock, type Finding, latency, latencyOf, ok, unknown, wrong } from './finding.ts';

const CONNECT_MS = 2_000;
const ANSWER_MS = 3_000;
const NOT_ASKED = /no password is set|without any password configured/;
const KEY = 'lumin:doctor';

type Settings = {
  /** The variable that names it, and where that was set. */
  setting: string;
  /** The same of the variable that has a password, where the address has none. */
  secretSetting: string;
};

/** A Redis as the service uses it: one connection, whose commands are those of the cache. */
export const redisOf = async (name: string, url: string, password: string, { setting, secretSetting }: Settings): Promise<Finding[]> => {
  const { db, username, password: named, ...address } = redisAddress(url);
  const secret = named || password;
  const at = `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
  const server: Place = { kind: 'Redis', at, user: username, database: String(db), setting, secret: named ? setting : secretSetting };
  const client = new Client({
    ...address,
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    disconnectTimeout: 1,
    commandTimeout: ANSWER_MS,
    retryStrategy: null,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    disableClientInfo: true,
    maxRetriesPerRequest: 0,
  });
  let emitted: unknown = null;
  client.on('error', (error) => {
    emitted ??= error;
  });
  try {
    await client.connect();
    const auth = secret === '' ? null : await authenticate(client, username, secret);
    await client.ping();
    if (db > 0) await client.select(db);
    return await look(name, client, server, { db, auth });
  } catch (error) {
    // What ioredis throws only says that the connection is closed; what it emitted says why.
    return [
      explained(name, emitted ?? inOurWords(error), server),
      unknown(`${name} memory, latency, clock`, `can be told once ${name} is reached`),
    ];
  } finally {
    client.disconnect();
  }
};

/** What the connection to Redis is told by where it answers nothing. */
const inOurWords = (error: unknown): unknown => ((error as Error).message === 'Command timed out' ? new Error('no answer in time') : error);

/** Whether it asks for the password. */
const authenticate = async (client: Client, username: string, secret: string): Promise<boolean> => {
  try {
    await (username ? client.auth(username, secret) : client.auth(secret));
    return true;
  } catch (error) {
    if (NOT_ASKED.test((error as Error).message)) return false;
    throw error;
  }
};

const look = async (
  name: string,
  client: Client,
  server: Place,
  { db, auth }: { db: number; auth: boolean | null },
): Promise<Finding[]> => {
  const info = await client.info().catch(() => '');
  const fact = (field: string): string | null => new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? null;
  const before = Date.now();
  const time = await client.time().catch(() => null);
  const after = Date.now();
  const writes = await client
    .set(KEY, '', 'PX', 1_000)
    .then(() => client.getrange(KEY, 0, 0))
    .then(
      () => null,
      (error) => explained(`${name} commands`, error, server),
    );
  return [
    ok(name, `${fact('redis_version') ?? 'a version that it does not tell'} at ${server.at}, database ${db}`),
    auth === false
      ? wrong(
          `${name} password`,
          'one is set, and the server asks for none: anybody who reaches it may use it',
          'set requirepass on the server, or remove the password',
        )
      : ok(`${name} password`, auth ? 'is right' : 'none is set, and none is asked for'),
    writes ?? ok(`${name} commands`, 'it takes those of the cache'),
    memory(`${name} memory`, fact('maxmemory'), fact('maxmemory_policy')),
    latency(`${name} latency`, await latencyOf(() => client.ping())),
    time === null
      ? unknown(`${name} clock`, 'this user may not ask for it')
      : clock(`${name} clock`, Number(time[0]) * 1_000 + Number(time[1]) / 1_000, before, after),
  ];
};

/** A cache that is full and evicts nothing takes nothing new. */
const memory = (check: string, most: string | null, policy: string | null): Finding => {
  if (most === null || policy === null) return unknown(check, 'this user may not ask for it');
  if (most !== '0' && policy === 'noeviction')
    return wrong(check, `holds ${most} bytes and evicts nothing (noeviction)`, 'redis-cli config set maxmemory-policy allkeys-lru');
  return ok(check, most === '0' ? 'has no limit of its own' : `holds ${most} bytes and evicts by ${policy}`);
};
