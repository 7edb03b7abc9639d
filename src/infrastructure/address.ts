import { isIPv6 } from 'node:net';

/** A variable's text is not what it must be. The message completes "NAME …" and holds no value: values may be secret. */
export class Mistake extends Error {}

/** A URL as PostgreSQL, Redis and NATS write them: it may name several hosts, and a password may hold what elsewhere is encoded. */
export type Address = {
  user: string | null;
  password: string | null;
  hosts: Host[];
  path: string;
  parameters: Parameters;
};
/** The port is null where none is named. */
export type Host = { name: string; port: number | null };

const FORM = /^[a-z]+:\/\/(?:([^/]*)@)?([^/?#]*)(?:\/([^/?#@]*)\/?)?(?:\?([^#]*))?$/;
const HOST = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/;
const NAME = /^[\p{L}\p{N}._-]{1,253}$/u;

/** @throws Mistake */
export const parseAddress = (text: string): Address => {
  const parts = FORM.exec(text);
  if (parts === null) throw new Mistake('is no URL: in a password, / is written as %2F, # as %23 and @ as %40');
  const [, credentials = '', hosts = '', path = '', query = ''] = parts;
  const [user, password] = halves(credentials, ':').map(decoded);
  return {
    user: user || null,
    password: password || null,
    hosts: hosts.split(',').map((host) => hostOf(host.trim())),
    path: decoded(path),
    parameters: parametersOf(query),
  };
};

const halves = (text: string, sign: string): [string, string] => {
  const at = text.indexOf(sign);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
};

/** @throws Mistake */
export const decoded = (text: string): string => {
  let plain: string;
  try {
    plain = decodeURIComponent(text);
  } catch {
    throw new Mistake('has a broken percent code: a % is written as %25');
  }
  if (/\p{Cc}/u.test(plain)) throw new Mistake('has a control character');
  return plain;
};

/** A host, perhaps with a port, as it stands in a URL. */
export const hostOf = (text: string): Host => {
  const [, name = '', port = ''] = HOST.exec(text) ?? [];
  return { name: hostName(decoded(name)), port: port === '' ? null : portNumber(port) };
};

/** A name, or an IP address without the brackets of IPv6; the folder of a Unix socket and nothing pass as they are. */
export const hostName = (text: string): string => {
  const bracketed = /^\[(.*)\]$/.exec(text)?.[1];
  const known = bracketed === undefined ? text === '' || text.startsWith('/') || NAME.test(text) || isIPv6(text) : isIPv6(bracketed);
  if (!known) throw new Mistake('has a host that is neither a name nor an IP address');
  return bracketed ?? text;
};

export const portNumber = (text: string): number => {
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 65_535) {
    throw new Mistake('has a port that is no number from 1 to 65535 (in a password, / is written as %2F)');
  }
  return Number(text);
};

export type Parameters = {
  /** The last of these names that has a value; they count as known. */
  take: (...names: string[]) => string | undefined;
  oneOf: <T extends string>(allowed: readonly T[], ...names: string[]) => T | undefined;
  /** @throws Mistake where one was given that nobody took */
  refuseOthers: () => void;
};

const parametersOf = (query: string): Parameters => {
  const given = new Map<string, string>();
  for (const pair of query.split('&')) if (pair !== '') given.set(...(halves(pair, '=').map(decoded) as [string, string]));

  const take: Parameters['take'] = (...names) => {
    const values = names.map((name) => given.get(name));
    for (const name of names) given.delete(name);
    return values.findLast((value) => value);
  };
  return {
    take,
    oneOf: (allowed, ...names) => {
      const text = take(...names);
      const found = allowed.find((value) => value === text);
      if (text !== undefined && found === undefined) throw new Mistake(`has a ${names.at(-1)} that is none of ${allowed.join(', ')}`);
      return found;
    },
    refuseOthers: () => {
      for (const name of given.keys()) {
        // What follows an & that was not encoded may be the rest of a password.
        const telling = /^[\w.-]{1,40}$/.test(name) && !/password=/.test(query);
        throw new Mistake(telling ? `has a parameter that is not known here: ${name}` : 'has a parameter that is not known here');
      }
    },
  };
};
