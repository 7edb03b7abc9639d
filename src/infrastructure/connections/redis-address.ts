import type { ConnectionOptions } from 'node:tls';
import { Mistake, parseAddress } from '../address.ts';
import { authorities } from '../pem-files.ts';

export type RedisAddress = {
  host: string;
  port: number;
  username: string;
  /** Empty where none is named. */
  password: string;
  db: number;
  family: number;
  tls?: ConnectionOptions;
};

const PORT = 6379;

/** Understands what ioredis and redis-py take of a server on the network: `redis://user:password@host:port/database`. @throws Mistake */
export const redisAddress = (url: string): RedisAddress => {
  const { user, password, hosts, path, parameters } = parseAddress(url);
  const [{ name = '', port = null } = {}, another] = hosts;
  if (another !== undefined) throw new Mistake('names several hosts, and one is taken');
  if (name === '' || name.startsWith('/')) throw new Mistake('names no host');
  const { take, oneOf, refuseOthers } = parameters;
  const db = take('db') ?? path;
  if (!/^\d{0,6}$/.test(db)) throw new Mistake('has a database that is no number');
  const address = {
    host: name,
    port: port ?? PORT,
    username: take('username') ?? user ?? '',
    password: take('password') ?? password ?? '',
    db: Number(db),
    family: Number(oneOf(['0', '4', '6'], 'family') ?? 0),
  };
  if (!url.startsWith('rediss:')) {
    refuseOthers();
    return address;
  }
  const file = take('ssl_ca_certs');
  const verified = oneOf(['none', 'optional', 'required'], 'ssl_cert_reqs') !== 'none';
  refuseOthers();
  return { ...address, tls: { rejectUnauthorized: verified, ...(file && { ca: authorities('ssl_ca_certs', file) }) } };
};
