import { userInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { natsAddress } from '../../src/infrastructure/connections/nats-address.ts';
import { redisAddress } from '../../src/infrastructure/connections/redis-address.ts';
import { postgresAddress } from '../../src/infrastructure/persistence/database/postgres-address.ts';

const me = userInfo().username;
/** Hosts as the address has them, without their encryptions. */
const hosts = (...list: [name: string | null, port: number][]) => ({
  hosts: list.map(([name, port]) => expect.objectContaining({ name, port })),
});

describe('the address of PostgreSQL', () => {
  it.each<[string, object]>([
    ['postgresql://u:p@h:1/d', { ...hosts(['h', 1]), user: 'u', password: 'p', database: 'd' }],
    ['postgres://h', { ...hosts(['h', 5432]), user: me, password: null, database: me }],
    ['postgresql:///d', { ...hosts([null, 5432]), database: 'd' }],
    [
      'postgresql://u@/d?host=/var/run/postgresql',
      { hosts: [{ name: '/var/run/postgresql', port: 5432, encryptions: [null] }], database: 'd' },
    ],
    ['postgresql://u@%2Fsocket%2Fdir:6543/d', { hosts: [{ name: '/socket/dir', port: 6543, encryptions: [null] }] }],
    ['postgresql://u@[::1]:6543/d', hosts(['::1', 6543])],
    ['postgresql://[fe80::1%25eth0]/d', hosts(['fe80::1%eth0', 5432])],
    ['postgresql://h:1/d?host=i&port=2&user=u&password=p%20w&dbname=e', { ...hosts(['i', 2]), user: 'u', password: 'p w', database: 'e' }],
    ['postgresql://u:a%40b%3Ac%2Fd%25@h/d', { password: 'a@b:c/d%' }],
    ['postgresql://u:p@ss#w?:@h/d', { ...hosts(['h', 5432]), user: 'u', password: 'p@ss#w?:' }],
    ['postgresql://h/my%2Fdata', { database: 'my/data' }],
    ['postgresql://h/d?application_name=a&fallback_application_name=b', { applicationName: 'a' }],
    ['postgresql://h/d?connect_timeout=1', { connectSeconds: 1 }],
    ['postgresql://h/d?connect_timeout=0', { connectSeconds: 2 }],
    ['postgresql://h/d?connect_timeout=60&keepalives_idle=5&gssencmode=disable&client_encoding=utf8', { connectSeconds: 2 }],
    ['postgresql://h/d?target_session_attrs=read-write', { wanted: 'read-write' }],
    ['postgresql://h/d?target_session_attrs=prefer-standby', { wanted: 'prefer-standby' }],
    ['postgresql://h/d', { wanted: 'any' }],
  ])('%s', (url, expected) => expect(postgresAddress(url)).toMatchObject(expected));

  it.each<[string, [string | null, number][]]>([
    [
      'postgresql://u:p@a:5433,b/d',
      [
        ['a', 5433],
        ['b', 5432],
      ],
    ],
    [
      'postgresql://a,b:5433/d',
      [
        ['a', 5432],
        ['b', 5433],
      ],
    ],
    [
      'postgresql://[::1]:1,%2Fsocket,a/d',
      [
        ['::1', 1],
        ['/socket', 5432],
        ['a', 5432],
      ],
    ],
    [
      'postgresql:///d?host=a,b',
      [
        ['a', 5432],
        ['b', 5432],
      ],
    ],
    [
      'postgresql:///d?host=a,b&port=5433',
      [
        ['a', 5433],
        ['b', 5433],
      ],
    ],
    [
      'postgresql:///d?host=a,b,c&port=1,,3',
      [
        ['a', 1],
        ['b', 5432],
        ['c', 3],
      ],
    ],
    [
      'postgresql:///d?host=a%2C::1%2C/socket&port=1%2C2%2C3',
      [
        ['a', 1],
        ['::1', 2],
        ['/socket', 3],
      ],
    ],
    [
      'postgresql://x:1,y:2/d?host=a,b',
      [
        ['a', 1],
        ['b', 2],
      ],
    ],
    [
      'postgresql://x:1/d?host=a,b',
      [
        ['a', 1],
        ['b', 1],
      ],
    ],
    [
      'postgresql:///d?host=a:5433,[::1]:5434,b',
      [
        ['a', 5433],
        ['::1', 5434],
        ['b', 5432],
      ],
    ],
    [
      'postgresql://a:1,b:2/d?port=3',
      [
        ['a', 3],
        ['b', 3],
      ],
    ],
    [
      'postgresql://,b/d',
      [
        [null, 5432],
        ['b', 5432],
      ],
    ],
  ])('%s names several hosts, as libpq or asyncpg takes them', (url, list) => expect(postgresAddress(url)).toMatchObject(hosts(...list)));

  it('gives all hosts together 4 seconds, and each of them 2 at most', () => {
    const urls = ['a/d', 'a,b/d', 'a,b,c,d/d', 'a,b/d?target_session_attrs=prefer-standby', 'a,b/d?connect_timeout=1'];
    expect(urls.map((url) => postgresAddress(`postgresql://${url}`).connectSeconds)).toEqual([2, 2, 1, 1, 1]);
  });

  it('is refused where hosts and ports do not go together', () =>
    expect(() => postgresAddress('postgresql:///d?host=a,b,c&port=1,2')).toThrow('names 3 hosts and 2 ports'));

  it('has settings in options, as libpq and as URL encoders write them, and in search_path', () =>
    expect(postgresAddress('postgresql://h/d?options=-c%20a%3D1+-cb=x\\%20y%20--c-d=3&search_path=app').settings).toEqual([
      ['a', '1'],
      ['b', 'x y'],
      ['c_d', '3'],
      ['search_path', 'app'],
    ]));

  const [tls, verified] = [{ rejectUnauthorized: false }, { rejectUnauthorized: true }];
  it.each<[string, (object | null)[]]>([
    ['', [tls, null]],
    ['sslmode=disable', [null]],
    ['sslmode=allow', [null, tls]],
    ['sslmode=prefer', [tls, null]],
    ['sslmode=require', [tls]],
    ['sslmode=verify-full', [verified]],
    ['sslrootcert=system', [{ ...verified, secureContext: expect.anything() }]],
    ['ssl=require', [tls]],
    ['ssl=true', [verified]],
    ['ssl=0', [null]],
    ['sslmode=no-verify', [tls]],
    ['ssl=true&sslmode=require', [tls]],
  ])('?%s says how a connection is protected', (query, encryptions) =>
    expect(postgresAddress(`postgresql://h/d?${query}`).hosts[0]?.encryptions).toEqual(encryptions),
  );

  it('on this machine, without a word of TLS, tries without first', () => {
    const local = ['localhost', '127.0.0.1', '[::1]', ''];
    const { hosts } = postgresAddress(`postgresql://${local},h/d`);
    expect(hosts.map(({ encryptions }) => encryptions)).toEqual([...local.map(() => [null, tls]), [tls, null]]);
  });
});

describe('the address of Redis', () => {
  const redis = { host: 'h', port: 6379, username: '', password: '', db: 0, family: 0 };
  it.each<[string, object]>([
    ['redis://h', redis],
    ['redis://u:p%40@h:1/2', { ...redis, port: 1, username: 'u', password: 'p@', db: 2 }],
    ['redis://:p@h/', { ...redis, password: 'p' }],
    ['redis://u@[::1]/3', { ...redis, host: '::1', username: 'u', db: 3 }],
    ['redis://h/1?db=4&family=6', { ...redis, db: 4, family: 6 }],
    ['rediss://h', { ...redis, tls: { rejectUnauthorized: true } }],
    ['rediss://h?ssl_cert_reqs=none', { ...redis, tls: { rejectUnauthorized: false } }],
  ])('%s', (url, expected) => expect(redisAddress(url)).toEqual(expected));
});

describe('the address of NATS', () => {
  const nats = { servers: ['a:4222'], user: null, password: null, tls: false };
  const both = ['a:4222', 'b:1'];
  it.each<[string, object]>([
    ['nats://a', nats],
    ['nats://token@a', { ...nats, user: 'token' }],
    ['tls://u:p%2C@a:4222/', { ...nats, user: 'u', password: 'p,', tls: true }],
    ['nats://a:4222,nats://b:1', { ...nats, servers: both }],
    ['nats://a, b:1', { ...nats, servers: both }],
    ['nats://u:p,w@a,nats://u:p,w@b:1', { ...nats, servers: both, user: 'u', password: 'p,w' }],
    ['nats://u:p@a,tls://b:1', { ...nats, servers: both, user: 'u', password: 'p', tls: true }],
    ['nats://[::1]:1', { ...nats, servers: ['[::1]:1'] }],
  ])('%s', (url, expected) => expect(natsAddress(url)).toEqual(expected));
});
