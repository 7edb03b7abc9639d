import { userInfo } from 'node:os';
import type { Reason } from './concurrency/outage.ts';
import { type Meaning, type Meanings, NATS, NETWORK, POSTGRESQL, REDIS, UNSURE } from './failure-meanings.ts';
import { beginningOf, fixedText } from './fixed-texts.ts';
import { StoreFailure, UnusableDatabase } from './persistence/database/database.ts';
import type { Place } from './place.ts';

const MEANINGS: Record<Place['kind'], Meanings> = { PostgreSQL: POSTGRESQL, Redis: REDIS, NATS, collector: {} };
const AUTHORITY = { PostgreSQL: 'sslrootcert', Redis: 'ssl_ca_certs', NATS: 'NODE_EXTRA_CA_CERTS', collector: 'NODE_EXTRA_CA_CERTS' };
const LOCAL = /^(?:localhost|127\.0\.0\.1):5432$/;

/**
 * What is wrong with a server, the same for everybody who meets it: what it is, the variable that names the server and where that
 * was set, and what to do. Of what servers and drivers say only codes and fixed texts are told: the rest may hold values.
 */
export const explain = (error: unknown, place: Place): Reason & { code?: string } => {
  if (error instanceof UnusableDatabase) return { fails: 'cannot be used', text: inOneLine(error.means, error.next, place) };
  if (error instanceof StoreFailure && error.words !== null) return { text: inOneLine(...error.words, place) };
  const { key, code, words } = signsOf(error, MEANINGS[place.kind]);
  const [means, next, unsure] = meaningOf(key, place.kind) ?? [`HOST:PORT says ${words ?? code}`, 'look at its own log'];
  // Of a password that is wrong, the variable that has it is told.
  const { setting, secret = setting } = place;
  const told = next.includes('SECRET') && !secret.endsWith(', by default') ? { ...place, setting: secret } : place;
  return { code, text: inOneLine(fill(means, place), fill(next, place, quoted), told), unsure: unsure === UNSURE || isCut(error) };
};

/** What is wrong with one of several servers, without what to do. */
export const meansOf = (error: StoreFailure, place: Place): string => {
  const { key, code } = signsOf(error, MEANINGS[place.kind]);
  return fill(meaningOf(key, place.kind)?.[0] ?? `HOST:PORT says ${code}`, place);
};

/** Whether the reason is one of a server, and not a bug. */
export const isKnown = ({ code = '' }: Reason, { kind }: Place): boolean => meaningOf(code, kind) !== undefined;

/** Why there is no connection, for the log: a code, and words that hold no value. */
export const failureReason = (error: unknown): string | undefined => {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  return [code, fixedText(message)].filter(Boolean).join(' ') || undefined;
};

const inOneLine = (means: string, next: string, { setting }: Place): string => `${means} (${setting}): ${next}`;

const meaningOf = (key: string | undefined, kind: Place['kind']): Meaning | undefined =>
  key === undefined ? undefined : (MEANINGS[kind][key] ?? NETWORK[key]);

const isCut = (error: unknown): boolean => error instanceof StoreFailure && error.kind === 'unknown';

/** What is told of an error: the system's code counts for more than the text, and that for more than the server's code. */
const signsOf = (error: unknown, meanings: Meanings): { key?: string | undefined; code: string; words?: string | undefined } => {
  if (error instanceof StoreFailure) {
    const [, code, words = code === undefined ? error.sqlstate : undefined] =
      /^([0-9A-Z_]{5,})(?: (.*))?$/.exec(error.sqlstate ?? '') ?? [];
    const key = [words, code, error.sqlstate ?? 'no answer'].find((one) => one !== undefined && (one in meanings || one in NETWORK));
    return { key, code: code ?? key ?? error.sqlstate ?? 'no answer', words };
  }
  const { name = 'Error', message = '', code, cause } = (error ?? {}) as Error & { code?: string | number };
  const ofSystem = [code, (cause as { code?: string } | undefined)?.code].find((one) => one !== undefined && one in NETWORK);
  const words = beginningOf(Object.keys(meanings), message);
  const ofServer = String(code ?? (name === 'ReplyError' ? message.split(' ', 1)[0] : name));
  const key = [ofSystem, words, ofServer].map(String).find((one) => one in meanings || one in NETWORK);
  return { key, code: key ?? ofServer };
};

/** Puts what the configuration has in the place of words in capitals. */
const fill = (text: string, place: Place, as: (value: string) => string = String): string => {
  const { kind, at, user, database, setting, secret = setting } = place;
  const [variable = ''] = setting.split(/,? /, 1);
  const values: Record<string, string> = {
    'HOST:PORT': at,
    HOST: at.replace(/:\d+(?=,|$)/g, ''),
    USER: as(user),
    DATABASE: as(database),
    VARIABLE: variable,
    SECRET: secret.split(/,? /, 1)[0] as string,
    AUTHORITY: AUTHORITY[kind],
    OWNER: user === 'postgres' || user === userInfo().username ? '' : `--owner ${as(user)}`,
    OPTIONS: LOCAL.test(at) ? '' : at.replace(/^(.*):(\d+)$/, '--host $1 --port $2'),
  };
  return text.replace(/( ?)\b(HOST:PORT|[A-Z]+)\b/g, (_, space: string, word: string) => {
    const value = values[word] ?? word;
    return value === '' ? '' : space + value;
  });
};

/** As a shell takes it. */
const quoted = (value: string): string => (/^[\w.-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`);
