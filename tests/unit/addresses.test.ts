import { userInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { natsAddress } from '../../src/infrastructure/connections/nats-address.ts';
import { redisAddress } from '../../src/infrastructure/connections/redis-address.ts';
import { postgresAddress } from '../../src/infrastructure/persistence/database/postgres-address.ts';

const me = userInfo().username;

describe('the address of PostgreSQL', () => {
  it.each<[string, object]>([
    ['postgresql://u:p@h:1/d', { host: 'h', port: 1, user: 'u', password: 'p', database: 'd' }],
    ['postgres://h', { host: 'h', port: 5432, user: me, password: null, database: me }],
    ['postgresql:///d', { host: null, database: 'd' }],
    ['postgresql://u@/d?host=/var/run/postgresql', { host: '/var/run/postgresql', database: 'd', encryptions: [null] }],
    ['postgresql://u@%2Fsocket%2Fdir:6543/d', { host: '/socket/dir', port: 6543, encryptions: [null] }],
    ['postgresql://u@[::1]:6543/d', { host: '::1', port: 6543 }],
    ['postgresql://[fe80::1%25eth0]/d', { host: 'fe80::1%eth0' }],
    ['postgresql://h:1/d?host=i&port=2&user=u&password=p%20w&dbname=e', { host: 'i', port: 2, user: 'u', password: 'p w', database: 'e' }],
    ['postgresql://u:a%40b%3Ac%2Fd%25@h/d', { password: 'a@b:c/d%' }],
    ['postgresql://u:p@ss#w?:@h/d', { user: 'u', password: 'p@ss#w?:', host: 'h' }],
    ['postgresql://h/my%2Fdata', { database: 'my/data' }],
    ['postgresql://h/d?application_name=a&fallback_application_name=b', { applicationName: 'a' }],
    ['postgresql://h/d?connect_timeout=1', { connectSeconds: 1 }],
    ['postgresql://h/d?connect_timeout=0', { connectSeconds: 2 }],
    ['postgresql://h/d?connect_timeout=60&keepalives_idle=5&gssencmode=disable&client_encoding=utf8', { connectSeconds: 2 }],
    ['postgresql://h/d?target_session_attrs=read-write', { primaryOnly: true }],
    ['postgresql://h/d?target_session_attrs=any', { primaryOnly: false }],
  ])('%s', (url, expected) => expect(postgresAddress(url)).toMatchObject(expected));

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
    expect(postgresAddress(`postgresql://h/d?${query}`).encryptions).toEqual(encryptions),
  );

  it('on this machine, without a word of TLS, tries without first', () => {
    for (const host of ['localhost', '127.0.0.1', '[::1]', '']) {
      expect(postgresAddress(`postgresql://${host}/d`).encryptions).toEqual([null, tls]);
    }
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
