import { userInfo } from 'node:os';
import { hostName, Mistake, parseAddress, portNumber } from '../../address.ts';
import { fileText } from '../../pem-files.ts';
import { type Encryption, encryptions } from './postgres-encryption.ts';

export type PostgresAddress = {
  /** A name, an IP address or the folder of a Unix socket; null where none is named. */
  host: string | null;
  port: number;
  user: string;
  /** Null where none is named. */
  password: string | null;
  passwordFile: string | null;
  database: string;
  encryptions: Encryption[];
  /** TLS without asking the server first whether it has it. */
  direct: boolean;
  channelBinding: 'disable' | 'prefer' | 'require';
  applicationName: string;
  connectSeconds: number;
  /** Settings of `options` and `search_path`, for every session. */
  settings: [name: string, value: string][];
  /** Whether a standby is refused. */
  primaryOnly: boolean;
};

const PORT = 5432;
/** No longer, whatever connect_timeout says: it is tried again for as long as a request may wait. */
const CONNECT_SECONDS = 2;
const PRIMARY = ['read-write', 'primary'];
/** Dead connections are found by limits of our own; Kerberos is not there to be used; the others say what is so anyway. */
const WITHOUT_EFFECT = [
  ...['keepalives', 'keepalives_idle', 'keepalives_interval', 'keepalives_count', 'tcp_user_timeout'],
  ...['krbsrvname', 'gsslib', 'gssdelegation', 'load_balance_hosts', 'sslcompression', 'uselibpqcompat'],
];

/** Understands what libpq and asyncpg take, as they do. Their variables of the environment are not read. @throws Mistake */
export const postgresAddress = (url: string): PostgresAddress => {
  const { parameters, ...named } = parseAddress(url);
  const { take, oneOf, refuseOthers } = parameters;
  const [host, port] = [take('host'), take('port')];
  if (named.hosts.length > 1 || /,/.test(`${host}${port}`)) {
    throw new Mistake('names several hosts: name one, a pooler or proxy or whatever address leads to the primary');
  }
  const [first] = named.hosts;
  const server = host === undefined ? first?.name || null : hostName(host);
  const user = take('user') ?? named.user ?? systemUser();
  const isSocket = server?.startsWith('/') === true;
  const isLocal = server === null || isSocket || /^(?:localhost|127\.[\d.]+|::1)$/.test(server);
  const searchPath = take('search_path');
  const allowed = encryptions(parameters, isLocal);
  if (!/^(?:utf-?8|auto)$/i.test(take('client_encoding') ?? 'auto')) throw new Mistake('has a client_encoding other than UTF8');
  oneOf(['disable', 'prefer'], 'gssencmode');
  take(...WITHOUT_EFFECT);
  const passwordFile = take('passfile') ?? null;
  if (passwordFile !== null) fileText('passfile', passwordFile);
  const address: PostgresAddress = {
    host: server,
    port: port === undefined ? (first?.port ?? PORT) : portNumber(port),
    user,
    password: take('password') ?? named.password,
    passwordFile,
    database: (take('database', 'dbname') ?? named.path) || user,
    encryptions: isSocket ? [null] : allowed,
    direct: oneOf(['postgres', 'direct'], 'sslnegotiation') === 'direct',
    channelBinding: oneOf(['disable', 'prefer', 'require'], 'channel_binding') ?? 'prefer',
    applicationName: take('fallback_application_name', 'application_name') ?? 'lumin-user-service',
    connectSeconds: secondsOf(take('connect_timeout')),
    settings: [
      ...settingsOf(take('options') ?? ''),
      ...(searchPath === undefined ? [] : [['search_path', searchPath] as [string, string]]),
    ],
    primaryOnly: PRIMARY.includes(oneOf(['any', 'prefer-standby', ...PRIMARY], 'target_session_attrs') ?? ''),
  };
  refuseOthers();
  if (address.direct && address.encryptions.includes(null))
    throw new Mistake('has sslnegotiation=direct, which wants sslmode=require or stricter');
  return address;
};

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
