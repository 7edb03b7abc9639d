import { isIPv6 } from 'node:net';
import { userInfo } from 'node:os';
import { hostName, hostOf, Mistake, type Host as Named, parseAddress, portNumber } from '../../address.ts';
import { fileText } from '../../pem-files.ts';
import { type Encryption, encryptions } from './postgres-encryption.ts';

export type PostgresHost = {
  /** A name, an IP address or the folder of a Unix socket; null where none is named. */
  name: string | null;
  port: number;
  encryptions: Encryption[];
};

/** What target_session_attrs may say: `read-write` and `read-only` go by what the session may do, the others by the server. */
export type SessionKind = (typeof SESSION_KINDS)[number];

export type PostgresAddress = {
  /** In the order in which they are tried. */
  hosts: PostgresHost[];
  user: string;
  /** Null where none is named. */
  password: string | null;
  passwordFile: string | null;
  database: string;
  /** TLS without asking the server first whether it has it. */
  direct: boolean;
  channelBinding: 'disable' | 'prefer' | 'require';
  applicationName: string;
  /** How many times a connection is tried: once with each host, and for prefer-standby once more, when every kind of server will do. */
  tries: number;
  /** For each try. */
  connectSeconds: number;
  /** Settings of `options` and `search_path`, for every session. */
  settings: [name: string, value: string][];
  wanted: SessionKind;
};

const PORT = 5432;
/** No longer, whatever connect_timeout says: it is tried again for as long as a request may wait. */
const CONNECT_SECONDS = 2;
/** For all tries together. */
const ROUND_SECONDS = 4;
const SESSION_KINDS = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;
/** Dead connections are found by limits of our own; Kerberos is not there to be used; the others say what is so anyway. */
const WITHOUT_EFFECT = [
  ...['keepalives', 'keepalives_idle', 'keepalives_interval', 'keepalives_count', 'tcp_user_timeout'],
  ...['krbsrvname', 'gsslib', 'gssdelegation', 'load_balance_hosts', 'sslcompression', 'uselibpqcompat'],
];

/** Understands what libpq and asyncpg take, as they do. Their variables of the environment are not read. @throws Mistake */
export const postgresAddress = (url: string): PostgresAddress => {
  const { parameters, ...named } = parseAddress(url);
  const { take, oneOf, refuseOthers } = parameters;
  const places = placesOf(named.hosts, take('host'), take('port'));
  const user = take('user') ?? named.user ?? systemUser();
  const searchPath = take('search_path');
  const allowed = encryptions(parameters);
  if (!/^(?:utf-?8|auto)$/i.test(take('client_encoding') ?? 'auto')) throw new Mistake('has a client_encoding other than UTF8');
  oneOf(['disable', 'prefer'], 'gssencmode');
  take(...WITHOUT_EFFECT);
  const passwordFile = take('passfile') ?? null;
  if (passwordFile !== null) fileText('passfile', passwordFile);
  const wanted = oneOf(SESSION_KINDS, 'target_session_attrs') ?? 'any';
  const tries = places.length * (wanted === 'prefer-standby' ? 2 : 1);
  const address: PostgresAddress = {
    hosts: places.map(({ name, port }) => {
      const forms = allowed(name === '' || name.startsWith('/') || /^(?:localhost|127\.[\d.]+|::1)$/.test(name));
      return { name: name || null, port: port ?? PORT, encryptions: name.startsWith('/') ? [null] : forms };
    }),
    user,
    password: take('password') ?? named.password,
    passwordFile,
    database: (take('database', 'dbname') ?? named.path) || user,
    direct: oneOf(['postgres', 'direct'], 'sslnegotiation') === 'direct',
    channelBinding: oneOf(['disable', 'prefer', 'require'], 'channel_binding') ?? 'prefer',
    applicationName: take('fallback_application_name', 'application_name') ?? 'lumin-user-service',
    tries,
    connectSeconds: Math.min(secondsOf(take('connect_timeout')), ROUND_SECONDS / tries),
    settings: [
      ...settingsOf(take('options') ?? ''),
      ...(searchPath === undefined ? [] : [['search_path', searchPath] as [string, string]]),
    ],
    wanted,
  };
  refuseOthers();
  if (address.direct && address.hosts.some(({ encryptions }) => encryptions.includes(null)))
    throw new Mistake('has sslnegotiation=direct, which wants sslmode=require or stricter');
  return address;
};

/** The hosts of the URL or those of `host`, which count for more, each with its port; a single port is for all. */
const placesOf = (named: Named[], host: string | undefined, port: string | undefined): Named[] => {
  const hosts = host === undefined ? named : host.split(',').map((text) => placeOf(text.trim()));
  const ports = port === undefined ? null : port.split(',').map((text) => (text.trim() === '' ? null : portNumber(text.trim())));
  const others = ports ?? (hosts.some((one) => one.port !== null) ? hosts : named).map((one) => one.port);
  if (others.length !== 1 && others.length !== hosts.length) {
    throw new Mistake(`names ${hosts.length} hosts and ${others.length} ports: name one port for all, or one for each`);
  }
  return hosts.map(({ name }, index) => ({ name, port: (others.length === 1 ? others[0] : others[index]) ?? null }));
};

/** As libpq takes a host, without a port, or as asyncpg does, with one. */
const placeOf = (text: string): Named => (text.startsWith('/') || isIPv6(text) ? { name: hostName(text), port: null } : hostOf(text));

const systemUser = (): string => {
  try {
    return userInfo().username;
  } catch {
    throw new Mistake('names no user');
  }
};

const secondsOf = (text: string | undefined): number => {
  if (text !== undefined && !/^-?\d{1,9}$/.test(text)) throw new Mistake('has a connect_timeout that is no whole number of seconds');
  const seconds = Number(text ?? 0);
  return seconds > 0 ? Math.min(seconds, CONNECT_SECONDS) : CONNECT_SECONDS;
};

/** `-c name=value` and `--name=value`, with a backslash before a blank that belongs to the value. Some write blanks as +. */
const settingsOf = (options: string): PostgresAddress['settings'] => {
  const words = (options.replaceAll('+', ' ').match(/(?:\\.|[^\s\\])+/g) ?? []).map((word) => word.replace(/\\(.)/g, '$1'));
  const settings: PostgresAddress['settings'] = [];
  while (words.length > 0) {
    const word = words.shift();
    const [, name, value] = /^(?:-c|--)([\w.-]+)=(.*)$/.exec(word === '-c' ? `-c${words.shift()}` : (word ?? '')) ?? [];
    if (name === undefined || value === undefined) throw new Mistake('has options that are not of the form -c name=value');
    settings.push([name.replaceAll('-', '_'), value]);
  }
  return settings;
};
