import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { InvalidConfig, readConfig, settings } from '../../src/infrastructure/container/config.ts';
import { describeConfig } from '../../src/infrastructure/container/describe-config.ts';
import { rememberFromFile } from '../../src/infrastructure/container/from-file.ts';
import { knownHosts } from '../../src/infrastructure/container/known-hosts.ts';

/** The `.env` that the service was commissioned with. It must work unchanged. */
const commissioned = {
  DATABASE_URL: 'postgresql+asyncpg://user:password@localhost:5432/lumin_user_db',
  DATABASE_POOL_SIZE: '10',
  DATABASE_MAX_OVERFLOW: '20',
  REDIS_URL: 'redis://localhost:6379/0',
  REDIS_PASSWORD: '',
  REDIS_POOL_SIZE: '10',
  NATS_URL: 'nats://localhost:4222',
  NATS_STREAM: 'lumin-events',
  TASKIQ_BROKER_URL: 'nats://localhost:4222',
  TASKIQ_RESULT_BACKEND: 'redis://localhost:6379/1',
  APP_ENV: 'development',
  APP_DEBUG: 'true',
  LOG_LEVEL: 'INFO',
  ALLOWED_ORIGINS: 'http://localhost:3000,http://localhost:8000',
};

const mistakesIn = (env: Record<string, string>): string[] => {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    return error.mistakes;
  }
};

describe('the configuration', () => {
  it('needs nothing', () =>
    expect(readConfig({})).toMatchObject({
      HOST: '127.0.0.1',
      PORT: 8000,
      DATABASE_URL: { kind: 'pglite', folder: '.lumin/data' },
      MIGRATE_ON_START: true,
      EVENTS_PERSONAL: 'omit',
      AUTH_MODE: 'off',
      REDIS_URL: null,
      NATS_URL: null,
    }));

  it('reads the commissioned .env unchanged', () =>
    expect(readConfig(commissioned)).toMatchObject({
      DATABASE_URL: { kind: 'postgres', url: 'postgresql://user:password@localhost:5432/lumin_user_db' },
      DATABASE_POOL_SIZE: 10,
      DATABASE_MAX_OVERFLOW: 20,
      REDIS_URL: 'redis://localhost:6379/0',
      REDIS_PASSWORD: '',
      REDIS_POOL_SIZE: 10,
      NATS_URL: 'nats://localhost:4222',
      NATS_STREAM: 'lumin-events',
      TASK_BROKER_URL: 'nats://localhost:4222',
      TASK_RESULT_BACKEND: 'redis://localhost:6379/1',
      APP_ENV: 'development',
      APP_DEBUG: true,
      LOG_LEVEL: 'info',
      ALLOWED_ORIGINS: ['http://localhost:3000', 'http://localhost:8000'],
    }));

  it.each([
    ['postgresql+asyncpg://u:p@h/d', { kind: 'postgres', url: 'postgresql://u:p@h/d' }],
    ['postgres+psycopg2://u:p@h/d', { kind: 'postgres', url: 'postgres://u:p@h/d' }],
    ['postgresql://u:p@h/d?sslmode=require', { kind: 'postgres', url: 'postgresql://u:p@h/d?sslmode=require' }],
    ['pglite://memory', { kind: 'pglite', folder: null }],
    ['pglite://.lumin/data', { kind: 'pglite', folder: '.lumin/data' }],
    ['pglite:///var/lib/lumin', { kind: 'pglite', folder: '/var/lib/lumin' }],
  ])('reads DATABASE_URL=%s', (text, expected) => expect(readConfig({ DATABASE_URL: text }).DATABASE_URL).toEqual(expected));

  it('takes an empty variable for one that is not set', () =>
    expect(readConfig(Object.fromEntries(Object.keys(settings).map((name) => [name, ''])))).toEqual(readConfig({})));

  it.each([
    ['TASK_BROKER_URL', 'TASKIQ_BROKER_URL', 'nats://a:1', 'nats://b:1'],
    ['TASK_RESULT_BACKEND', 'TASKIQ_RESULT_BACKEND', 'redis://a:1', 'redis://b:1'],
  ] as const)('reads %s from %s too, and its own name first', (name, alias, own, other) => {
    expect(readConfig({ [alias]: other })[name]).toBe(other);
    expect(readConfig({ [alias]: other, [name]: own })[name]).toBe(own);
    expect(mistakesIn({ [alias]: 'http://x' })).toEqual([expect.stringContaining(name)]);
  });

  it.each([
    ['HOST', 'a b'],
    ['HOST', 'http://localhost'],
    ['HOST', '\u001b[2J'],
    ['PORT', '80a'],
    ['PORT', '-1'],
    ['PORT', '65536'],
    ['PORT', '1e3'],
    ['APP_ENV', 'prod'],
    ['APP_DEBUG', 'yes'],
    ['LOG_LEVEL', 'loud'],
    ['AUTH_MODE', 'none'],
    ['METRICS_PORT', '65536'],
    ['METRICS_PORT', 'none'],
    ['METRICS_PORT', '8000'],
    ['ALLOWED_HOSTS', 'http://users.localhost'],
    ['ALLOWED_HOSTS', 'users.localhost:8000'],
    ['ALLOWED_HOSTS', '*.localhost'],
    ['ALLOWED_HOSTS', 'a b'],
    ['ALLOWED_HOSTS', '[::g]'],
    ['ALLOWED_ORIGINS', 'localhost:3000'],
    ['ALLOWED_ORIGINS', 'http://localhost:3000/'],
    ['ALLOWED_ORIGINS', '*'],
    ['PUBLIC_URL', 'example.com/users'],
    ['PUBLIC_URL', '/users'],
    ['PUBLIC_URL', 'https:example.com'],
    ['PUBLIC_URL', 'ftp://example.com'],
    ['PUBLIC_URL', 'https://'],
    ['PUBLIC_URL', 'https://u:p@example.com'],
    ['PUBLIC_URL', 'https://@example.com'],
    ['PUBLIC_URL', 'https://example.com/?'],
    ['PUBLIC_URL', 'https://example.com/users?a=b'],
    ['PUBLIC_URL', 'https://example.com/#'],
    ['PUBLIC_URL', 'https://example.com/a b'],
    ['PUBLIC_URL', 'https://example.com/%zz'],
    ['PUBLIC_URL', 'https://example.com:99999'],
    ['ALLOWED_ORIGINS', 'null'],
    ['ALLOWED_ORIGINS', 'https://*.example.com'],
    ['ALLOWED_ORIGINS', 'https://user@example.com'],
    ['ALLOWED_ORIGINS', 'capacitor://localhost/'],
    ['ALLOWED_ORIGINS', 'Capacitor://localhost'],
    ['ALLOWED_ORIGINS', 'app://./index.html'],
    ['ALLOWED_ORIGINS', 'file://'],
    ['ALLOWED_ORIGINS', 'data:text/html,x'],
    ['DATABASE_URL', 'mysql://u:p@h/d'],
    ['DATABASE_URL', 'pglite://'],
    ['DATABASE_URL', 'postgresql://u:p@h/d?sslmode=bogus'],
    ['DATABASE_URL', 'postgresql://u:p@h/d?ssl=maybe'],
    ['DATABASE_URL', 'postgresql://u:p@h/d?sslmode=verify-full&sslrootcert=/none.pem'],
    ['DATABASE_URL', `postgresql://u:p@h/d?sslmode=verify-full&sslrootcert=${import.meta.filename}`],
    ['DATABASE_URL', `postgresql://u:p@h/d?sslmode=require&sslcert=${import.meta.filename}&sslkey=${import.meta.filename}`],
    ['DATABASE_URL', `postgresql://u:p@h/d?sslcert=${import.meta.filename}`],
    ['DATABASE_URL', 'postgresql://u:p@h/d?sslmode=verify-ca'],
    ['DATABASE_URL', 'postgresql://u:p@h/d?sslrootcert=system&sslmode=require'],
    ['DATABASE_URL', 'postgresql://u:p@h/d?sslnegotiation=direct'],
    ['DATABASE_URL', 'postgresql://u:p@h/d?passfile=/none'],
    ['DATABASE_URL', 'postgresql://u:100%@h/d'],
    ['DATABASE_URL', 'postgresql://u:p%00@h/d'],
    ['DATABASE_URL', 'postgresql://u:p/w@h/d'],
    ['DATABASE_URL', 'postgresql://u:p@h:5432,i:70000/d'],
    ['DATABASE_URL', 'postgresql:///d?host=h,i&port=1,2,3'],
    ['DATABASE_URL', 'postgresql://u:p@h:0/d'],
    ['DATABASE_URL', 'postgresql://u:p@h:65536/d'],
    ['DATABASE_URL', 'postgresql://u:p@h/d?port=x'],
    ['DATABASE_URL', 'postgresql://u:p@h o/d'],
    ['DATABASE_URL', 'postgresql://u:p@[::g]/d'],
    ['DATABASE_URL', 'postgresql://u:p@h/d#e'],
    ['DATABASE_URL', 'postgresql://u:p@h/d?connect_timeout=soon'],
    ['DATABASE_URL', 'postgresql://u:p@h/d?target_session_attrs=slave'],
    ['DATABASE_URL', 'postgresql://u:p@h/d?channel_binding=maybe'],
    ['DATABASE_URL', 'postgresql://u:p@h/d?client_encoding=latin1'],
    ['DATABASE_URL', 'postgresql://u:p@h/d?options=-e'],
    ['DATABASE_URL', 'postgresql://u:p@h/d?pgbouncer=true'],
    ['DATABASE_URL', 'postgresql://u:p@h/d?%0A=1'],
    ['DATABASE_POOL_SIZE', '0'],
    ['DATABASE_MAX_OVERFLOW', '-1'],
    ['MIGRATE_ON_START', '1'],
    ['REDIS_URL', 'http://localhost:6379'],
    ['REDIS_URL', 'redis://localhost/first'],
    ['REDIS_URL', 'redis://localhost/-1'],
    ['REDIS_URL', 'redis://localhost/1/2'],
    ['REDIS_URL', 'redis://localhost:0'],
    ['REDIS_URL', 'redis://:6379'],
    ['REDIS_URL', 'redis://a,b'],
    ['REDIS_URL', 'redis://u:%@localhost'],
    ['REDIS_URL', 'redis://u:p/w@localhost'],
    ['REDIS_URL', 'redis://localhost?tls=yes'],
    ['REDIS_URL', 'rediss://localhost?ssl_ca_certs=/none'],
    ['REDIS_URL', 'rediss://localhost?ssl_cert_reqs=maybe'],
    ['REDIS_POOL_SIZE', '1.5'],
    ['NATS_URL', 'localhost:4222'],
    ['NATS_URL', 'ws://localhost:8080'],
    ['NATS_URL', 'nats://a,wss://b'],
    ['NATS_URL', 'nats://a,'],
    ['NATS_URL', 'nats://a:x'],
    ['NATS_URL', 'nats://u:%zz@a'],
    ['NATS_URL', 'nats://u:p@a,nats://v:p@b'],
    ['NATS_URL', 'nats://a/path'],
    ['NATS_URL', 'nats://a?tls=1'],
    ['NATS_STREAM', 'a.b'],
    ['NATS_SUBJECT_PREFIX', 'a b'],
    ['NATS_SUBJECT_PREFIX', '>'],
    ['EVENTS_PERSONAL', 'true'],
    ['TASK_BROKER_URL', 'redis://localhost'],
    ['TASK_RESULT_BACKEND', 'nats://localhost'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'localhost:4318'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://localhost:0'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://localhost:99999'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://localhost/%zz'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://localhost?x=1'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://'],
    ['OTEL_SERVICE_NAME', 'a b'],
    ['OTEL_TRACES_SAMPLER', 'sometimes'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
    ['OTEL_TRACES_SAMPLER_ARG', '10%'],
  ])('says what is wrong with %s=%s in one line that names it', (name, text) => {
    const mistakes = mistakesIn({ [name]: text });
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toMatch(new RegExp(`^${name} [^\\n]+$`));
  });

  it('reports every mistake at once', () =>
    expect(mistakesIn({ PORT: 'x', LOG_LEVEL: 'x', REDIS_URL: 'x' })).toEqual([
      expect.stringMatching(/^PORT /),
      expect.stringMatching(/^LOG_LEVEL /),
      expect.stringMatching(/^REDIS_URL /),
    ]));

  it('never repeats a password in a mistake', () => {
    const secret = 'hunter2';
    const env = { DATABASE_URL: `mysql://u:${secret}@h`, REDIS_URL: `http://:${secret}@h`, NATS_URL: `x://${secret}@h` };
    expect(mistakesIn(env)).toHaveLength(3);
    expect(mistakesIn(env).join()).not.toContain(secret);
    const broken = [
      '://u:%zz_@h/d',
      '://u:_/x@h/d',
      '://u:p@_:x/d',
      '://u:p@h:_/d',
      '://u:p@h/d?sslmode=_',
      '://u:p@h/_?_ _=1',
      '://h/_#_',
    ];
    for (const [name, scheme] of [
      ['DATABASE_URL', 'postgresql'],
      ['REDIS_URL', 'redis'],
      ['NATS_URL', 'nats'],
      ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http'],
    ] as const) {
      for (const form of broken) expect(mistakesIn({ [name]: scheme + form.replaceAll('_', secret) }).join()).not.toContain(secret);
    }
  });

  it('takes the origins of pages, and of apps with schemes of their own, as they stand', () => {
    const origins = [
      ...['https://app.example.com', 'http://localhost:3000', 'https://tauri.localhost', 'http://[::1]:8080', 'capacitor://localhost'],
      ...['ionic://localhost', 'tauri://localhost', 'app://.', 'chrome-extension://abcdefghijklmnopabcdefghijklmnop'],
      'moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc',
    ];
    expect(readConfig({ ALLOWED_ORIGINS: origins.join(' , ') }).ALLOWED_ORIGINS).toEqual(origins);
  });

  it('takes addresses with blanks around them, as files and secrets have them', () =>
    expect(readConfig({ REDIS_URL: ' redis://h/0\n', DATABASE_URL: 'postgresql://h/d\n' })).toMatchObject({
      REDIS_URL: 'redis://h/0',
      DATABASE_URL: { kind: 'postgres', url: 'postgresql://h/d' },
    }));

  it('migrates as another role only where there are roles', () => {
    const url = 'postgresql://owner:word@db/lumin';
    expect(readConfig({ DATABASE_URL: 'postgresql+asyncpg://service@db/lumin', MIGRATION_DATABASE_URL: url })).toMatchObject({
      MIGRATION_DATABASE_URL: { kind: 'postgres', url },
    });
    expect(readConfig({}).MIGRATION_DATABASE_URL).toBe(null);
    for (const [DATABASE_URL, MIGRATION_DATABASE_URL] of [
      ['pglite://data', url],
      [url, 'pglite://data'],
      [url, 'mysql://db/lumin'],
    ] as const) {
      expect(mistakesIn({ DATABASE_URL, MIGRATION_DATABASE_URL })).toEqual([expect.stringMatching(/^MIGRATION_DATABASE_URL must /)]);
    }
  });

  it('must be told in production who checks the callers', () => {
    expect(mistakesIn({ APP_ENV: 'production' })).toEqual([expect.stringMatching(/^AUTH_MODE /)]);
    expect(mistakesIn({ APP_ENV: 'production', AUTH_MODE: 'off' })).toEqual([expect.stringMatching(/^AUTH_MODE /)]);
    expect(mistakesIn({ APP_ENV: 'production', AUTH_MODE: 'off-behind-gateway' })).toEqual([]);
  });

  it.each(['0.0.0.0', '::', '192.0.2.1', 'users.internal', '10.0.0.1', '128.0.0.1', 'localhost.example', '127.1', '::ffff:192.0.2.1'])(
    'must be told who checks the callers where other machines reach HOST=%s',
    (HOST) => {
      expect(mistakesIn({ HOST })).toEqual([expect.stringMatching(/^AUTH_MODE .*HOST/)]);
      expect(mistakesIn({ HOST, AUTH_MODE: 'off' })).toHaveLength(1);
      expect(mistakesIn({ HOST, AUTH_MODE: 'off-behind-gateway' })).toEqual([]);
    },
  );

  it.each(['127.0.0.1', '127.0.0.2', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', 'localhost', 'LOCALHOST'])(
    'need not where only this machine does: HOST=%s',
    (HOST) => expect(mistakesIn({ HOST })).toEqual([]),
  );

  it('knows the names of this machine where nobody checks callers, and leaves names to a gateway', () => {
    const known = (env: Record<string, string>) => knownHosts(readConfig(env));
    expect(known({ HOST: '127.0.0.2', ALLOWED_HOSTS: 'Users.localhost, fd00::1,[FD00::2]' })).toEqual([
      'localhost',
      '127.0.0.1',
      '[::1]',
      '127.0.0.2',
      'users.localhost',
      '[fd00::1]',
      '[fd00::2]',
    ]);
    expect(known({ AUTH_MODE: 'off-behind-gateway', ALLOWED_HOSTS: 'a' })).toBe(null);
  });

  it('has the metrics on a port of their own only where one is named', () => {
    expect(readConfig({}).METRICS_PORT).toBe(null);
    expect(readConfig({ METRICS_PORT: '9100' }).METRICS_PORT).toBe(9100);
    expect(mistakesIn({ METRICS_PORT: '9100', WORKER_PORT: '9100' })).toEqual([expect.stringMatching(/^METRICS_PORT .*WORKER_PORT/)]);
    expect(mistakesIn({ METRICS_PORT: '0', PORT: '0' })).toEqual([]);
  });

  it.each([
    ['https://example.com', 'https://example.com'],
    ['https://example.com/users/', 'https://example.com/users'],
    ['HTTP://Example.com:80//', 'http://example.com'],
    ['https://[::1]:8443/a/b', 'https://[::1]:8443/a/b'],
    ['https://пример.рф/люди', 'https://xn--e1afmkfd.xn--p1ai/%D0%BB%D1%8E%D0%B4%D0%B8'],
  ])('reads PUBLIC_URL=%s as %s', (text, url) => expect(readConfig({ PUBLIC_URL: text }).PUBLIC_URL).toBe(url));

  it.each([
    ['WARNING', 'warn'],
    ['critical', 'fatal'],
    ['Debug', 'debug'],
  ])('reads LOG_LEVEL=%s as %s', (text, level) => expect(readConfig({ LOG_LEVEL: text }).LOG_LEVEL).toBe(level));
});

describe('the description of the configuration', () => {
  const env = { ...commissioned, REDIS_PASSWORD: 'hunter2', NATS_URL: 'nats://token@localhost:4222' };
  const described = (from: Record<string, string>) => Object.fromEntries(describeConfig(from).map((line) => [line.name, line]));

  it('lists every variable with its meaning', () => {
    expect(describeConfig({}).map(({ name }) => name)).toEqual(Object.keys(settings));
    for (const { about } of describeConfig({})) expect(about).toMatch(/^[^\n]+\.$/);
  });

  it('shows the servers of an address, and of a secret only that it is set', () => {
    const text = JSON.stringify(describeConfig(env));
    for (const secret of ['user:password@localhost', 'hunter2', 'token@']) expect(text).not.toContain(secret);
    expect(described(env)).toMatchObject({
      DATABASE_URL: { value: 'postgresql://localhost:5432/lumin_user_db', source: 'environment' },
      REDIS_URL: { value: 'redis://localhost:6379/0' },
      REDIS_PASSWORD: { value: '(set)' },
      NATS_URL: { value: 'nats://localhost:4222' },
      TASK_RESULT_BACKEND: { value: 'redis://localhost:6379/1', source: 'environment' },
    });
  });

  it.each([
    ['DATABASE_URL', 'postgres://u:s3cret@a,[::1]:7/db?sslmode=disable', 'postgresql://a:5432,[::1]:7/db'],
    ['DATABASE_URL', 'postgres:///db?host=/var/run&user=u&password=s3cret', 'postgresql:///var/run:5432/db'],
    ['REDIS_URL', 'rediss://u:s3cret@cache?db=3', 'rediss://cache:6379/3'],
    ['NATS_URL', 'tls://u:s3cret@a,tls://u:s3cret@b:99', 'tls://a:4222,b:99'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'https://u:s3cret@collector:4318/v1', 'https://collector:4318/v1'],
    ['DATABASE_URL', 'postgres://u:s3/cret@a/db', '(set)'],
    ['NATS_URL', 's3cret', '(set)'],
  ])('shows no secret of %s=%s', (name, text, value) => expect(described({ [name]: text })[name]).toMatchObject({ value }));

  it('tells what .env says apart from what the environment says', () => {
    const env = { PORT: '9000', HOST: '::1', TASKIQ_BROKER_URL: 'nats://a:1' };
    rememberFromFile(env, ['HOST', 'TASKIQ_BROKER_URL']);
    expect(Object.fromEntries(describeConfig(env).map(({ name, source }) => [name, source]))).toMatchObject({
      PORT: 'environment',
      HOST: '.env',
      TASK_BROKER_URL: '.env',
      APP_ENV: 'default',
    });
  });

  it('shows the value in force and where it is from', () =>
    expect(described({ PORT: '9000', DATABASE_URL: 'pglite://elsewhere' })).toMatchObject({
      PORT: { value: '9000', source: 'environment' },
      HOST: { value: '127.0.0.1', source: 'default' },
      DATABASE_URL: { value: 'pglite://elsewhere', source: 'environment' },
    }));

  const example = new URL('../../.env.example', import.meta.url);
  it.runIf(existsSync(example))('is listed in .env.example, variable by variable', () => {
    const lines = readFileSync(example, 'utf8').split('\n');
    const listed = lines.flatMap((line) => /^(?:#\s*)?([A-Z][A-Z0-9_]*)=/.exec(line)?.[1] ?? []);
    expect(listed.filter((name) => !name.startsWith('TASKIQ_')).sort()).toEqual(Object.keys(settings).sort());
    const active = Object.fromEntries(
      lines.flatMap((line) => /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(line)?.slice(1, 3).join('\n') ?? []).map((pair) => pair.split('\n')),
    );
    expect(mistakesIn(active as Record<string, string>)).toEqual([]);
  });
});
