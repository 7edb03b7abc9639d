import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDatabase } from '../../src/infrastructure/persistence/database/open-database.ts';
import { findPostgres, type OwnServer, startPostgres } from '../fixtures/own-servers.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const available = findPostgres() !== undefined && hasOpenssl;
const missing = hasOpenssl ? 'PostgreSQL: install it' : 'openssl: install it';
const PASSWORD = 'p:a@s/s?w#o%r\\d';

describe.skipIf(!available)(`DATABASE_URL on a server with TLS${available ? '' : ` [needs ${missing}]`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'lumin-tls-'));
  const at = (name: string): string => join(folder, name);
  let server: OwnServer;

  /** Makes a key and a certificate, signed by the authority that the first call makes. */
  const certify = (name: string, subject: string, ...more: string[]): void => {
    const signer = name === 'ca' ? [] : ['-CA', at('ca.pem'), '-CAkey', at('ca.key')];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', at(`${name}.key`)];
    execFileSync(
      'openssl',
      ['req', '-x509', '-days', '2', '-subj', `/CN=${subject}`, '-out', at(`${name}.pem`), ...key, ...signer, ...more],
      {
        stdio: 'ignore',
      },
    );
  };

  beforeAll(async () => {
    certify('ca', 'authority');
    certify('server', 'localhost', '-addext', 'subjectAltName=DNS:localhost');
    certify('client', 'certified');
    // PostgreSQL runs as another user where the tests run as root, and then reads a key of root's that its group may read.
    chmodSync(folder, 0o755);
    chmodSync(at('server.key'), process.getuid?.() === 0 ? 0o640 : 0o600);
    const rules = ['hostssl all secure', 'hostnossl all open', 'hostssl all certified', 'host all typed', 'host all postgres'];
    const methods = ['trust', 'trust', 'cert', 'scram-sha-256', 'trust'];
    writeFileSync(at('hba'), [...rules.map((rule, index) => `${rule} 127.0.0.1/32 ${methods[index]}\n`), 'local all all trust\n'].join(''));
    const conf = {
      ssl: 'on',
      ssl_cert_file: at('server.pem'),
      ssl_key_file: at('server.key'),
      ssl_ca_file: at('ca.pem'),
      hba_file: at('hba'),
      unix_socket_directories: '.',
    };
    server = (await startPostgres({ conf })) as OwnServer;
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    for (const role of ['secure', 'open', 'certified']) await client.query(`create role ${role} login`);
    await client.query(`create role typed login password ${pg.escapeLiteral(PASSWORD)}`);
    await client.end();
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  /** Whether the connection is encrypted, or the reason why there is none. */
  const connected = async (url: string): Promise<boolean | string> => {
    const database = await openDatabase({ kind: 'postgres', url }, 2);
    try {
      const [row] = await database.query<{ ssl: boolean }>('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
      return row?.ssl ?? 'nothing known';
    } catch (error) {
      return (error as Error).message;
    } finally {
      await database.close();
    }
  };
  const encrypted = (user: string, query: string, host = '127.0.0.1'): Promise<boolean | string> =>
    connected(`postgresql://${user}@${host}:${server.port}/postgres?${query}`);

  it('sslmode means what it means for libpq, and ssl what it means for asyncpg', async () => {
    const found = await Promise.all(
      ['disable', 'allow', 'prefer', 'require'].flatMap((mode) => [
        encrypted('postgres', `sslmode=${mode}`),
        encrypted('postgres', `ssl=${mode}`),
      ]),
    );
    expect(found).toEqual([false, false, false, false, true, true, true, true]);
  });

  it('allow and prefer take the other form where the server wants it, and so does who says nothing', async () => {
    expect(await Promise.all(['sslmode=allow', 'sslmode=prefer', ''].map((query) => encrypted('secure', query)))).toEqual([
      true,
      true,
      true,
    ]);
    expect(await Promise.all(['sslmode=allow', 'sslmode=prefer', ''].map((query) => encrypted('open', query)))).toEqual([
      false,
      false,
      false,
    ]);
    expect(await encrypted('open', 'sslmode=require')).toMatch(/28000/);
    expect(await encrypted('secure', 'sslmode=disable')).toMatch(/28000/);
  });

  it('what is verified is verified by the authority of sslrootcert, which require then asks for too', async () => {
    const own = `sslrootcert=${encodeURIComponent(at('ca.pem'))}`;
    const other = `sslrootcert=${encodeURIComponent(at('client.pem'))}`;
    const modes = ['require', 'verify-ca', 'verify-full'];
    expect(await Promise.all(modes.map((mode) => encrypted('postgres', `sslmode=${mode}&${own}`, 'localhost')))).toEqual([
      true,
      true,
      true,
    ]);
    for (const reason of await Promise.all(modes.map((mode) => encrypted('postgres', `sslmode=${mode}&${other}`, 'localhost')))) {
      expect(reason).toMatch(/UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT/);
    }
    expect(await encrypted('postgres', `sslmode=verify-ca&${own}`)).toBe(true);
    expect(await encrypted('postgres', `sslmode=verify-full&${own}`)).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID/);
    expect(await encrypted('postgres', 'sslmode=verify-full', 'localhost')).toMatch(
      /UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT/,
    );
    expect(await encrypted('postgres', 'ssl=true', 'localhost')).toMatch(/CERT|UNABLE/);
  });

  it('a certificate of the client is shown', async () => {
    const files = `sslcert=${at('client.pem')}&sslkey=${at('client.key')}`;
    expect(await encrypted('certified', `sslmode=require&${files}`)).toBe(true);
    expect(await encrypted('certified', 'sslmode=require')).toMatch(/^unsent/);
  });

  it('a password is taken percent-encoded, from the parameters, or from a password file of the owner', async () => {
    const typed = encodeURIComponent(PASSWORD);
    expect(await encrypted(`typed:${typed}`, 'sslmode=require')).toBe(true);
    expect(await connected(`postgresql://127.0.0.1:${server.port}/?user=typed&password=${typed}&dbname=postgres`)).toBe(false);
    expect(await encrypted('typed', '')).toMatch(/client password must be a/);
    writeFileSync(at('pass'), `other:*:*:*:x\n*:${server.port}:postgres:typed:${PASSWORD.replace(/[\\:]/g, '\\$&')}\n`, { mode: 0o600 });
    expect(await encrypted('typed', `passfile=${at('pass')}`)).toBe(false);
    chmodSync(at('pass'), 0o644);
    expect(await encrypted('typed', `passfile=${at('pass')}`)).toMatch(/client password must be a/);
    expect(await encrypted('typed:wrong', '')).toMatch(/28P01/);
  });

  it('a Unix socket is named by host, or in the place of the host', async () => {
    const data = join(server.folder, 'data');
    expect(await connected(`postgresql://postgres@/postgres?host=${data}&port=${server.port}&sslmode=require`)).toBe(false);
    expect(await connected(`postgresql://postgres@${encodeURIComponent(data)}:${server.port}/postgres`)).toBe(false);
  });

  it('options, search_path and application_name are for every session; variables of the environment are not read', async () => {
    const foreign: Record<string, string> = {
      ...{ PGHOST: 'nowhere', PGPORT: '1', PGUSER: 'nobody', PGDATABASE: 'nothing', PGOPTIONS: '-c work_mem=8MB', PGAPPNAME: 'other' },
      ...{ PGSSLMODE: 'verify-full', PGSSLNEGOTIATION: 'bogus', PGREPLICATION: 'database' },
    };
    const query = 'options=-c%20work_mem%3D7MB%20--geqo=off&search_path=information_schema&application_name=named';
    for (const [name, value] of Object.entries(foreign)) vi.stubEnv(name, value);
    const database = await openDatabase({ kind: 'postgres', url: `postgresql://postgres@127.0.0.1:${server.port}/postgres?${query}` }, 1);
    try {
      const [row] = await database.query<object>(
        `select array_agg(current_setting(s)) as settings from unnest(array['work_mem', 'geqo', 'search_path', 'application_name']) s`,
      );
      expect(row).toEqual({ settings: ['7MB', 'off', 'information_schema', 'named'] });
    } finally {
      await database.close();
      vi.unstubAllEnvs();
    }
  });

  it('channel_binding=require asks for what only TLS can give', async () => {
    const typed = `typed:${encodeURIComponent(PASSWORD)}`;
    expect(await encrypted(typed, 'sslmode=require&channel_binding=require')).toBe(true);
    expect(await encrypted(typed, 'sslmode=disable&channel_binding=require')).toMatch(/no channel binding/);
  });
});
