import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig, settings } from '../../src/infrastructure/container/config.ts';
import { roleNamed } from '../../src/infrastructure/container/role.ts';
import { readCompose } from '../fixtures/compose.ts';
import { readDockerfile } from '../fixtures/dockerfile.ts';
import { root } from '../fixtures/manifests.ts';

const files = ['docker-compose.yml', 'docker-compose.production.yml'];
const compose = readCompose();
const services: [string, any][] = Object.entries(compose.services);
const own = services.filter(([, { build }]) => build);
// Compose's own schema, as the linter dclint brings it along.
const schema = join(root, 'node_modules/dclint/schemas/compose.schema.json');
const text = (file: string): string => readFileSync(join(root, file), 'utf8');
/** The .env that the service was commissioned with. */
const commissioned = `DATABASE_URL=postgresql+asyncpg://user:password@localhost:5432/lumin_user_db
DATABASE_POOL_SIZE=10
DATABASE_MAX_OVERFLOW=20
REDIS_URL=redis://localhost:6379/0
REDIS_PASSWORD=
REDIS_POOL_SIZE=10
NATS_URL=nats://localhost:4222
NATS_STREAM=lumin-events
TASKIQ_BROKER_URL=nats://localhost:4222
TASKIQ_RESULT_BACKEND=redis://localhost:6379/1
APP_ENV=development
APP_DEBUG=true
LOG_LEVEL=INFO
ALLOWED_ORIGINS=http://localhost:3000,http://localhost:8000
`;
const needed = existsSync(schema) ? '' : ' [needs dclint: npm install --no-save dclint]';

describe('the compose file for development', () => {
  it('says that it is for development', () => {
    expect(text('docker-compose.yml')).toMatch(/^# For development:/);
  });

  it('runs with the commissioned .env on this machine, without a user of NATS, and by standard connections only', () => {
    const { nats, postgres, api } = compose.services;
    expect(nats.command).toEqual(['-c', '/etc/nats/nats.development.conf']);
    expect(text('deploy/nats/nats.development.conf')).toMatch(/^# For development:.*^no_auth_user: lumin$/ms);
    expect(text('deploy/nats/nats.conf')).toMatch(/user: lumin, .*allowed_connection_types: \[STANDARD\]/);
    expect(postgres.environment).toMatchObject({ POSTGRES_USER: 'user', POSTGRES_PASSWORD: 'password', POSTGRES_DB: 'lumin_user_db' });
    expect(api.environment.AUTH_MODE).toBe('off-behind-gateway');
  });

  it('does not take from an .env file what is meant for processes on this machine', () => {
    expect(readCompose({ AUTH_MODE: 'off' }).services.api.environment.AUTH_MODE).toBe('off-behind-gateway');
  });

  it.each([
    ['.env.example, copied unchanged', text('.env.example')],
    ['the commissioned .env', commissioned],
  ])('starts every role beside its own servers with %s, and so does this machine without containers', (_name, file) => {
    const env = parseEnv(file) as Record<string, string>;
    for (const [name, { environment }] of Object.entries<any>(readCompose(env).services).filter(([, { build }]) => build)) {
      const config = readConfig(environment);
      expect(config, name).toMatchObject({ AUTH_MODE: 'off-behind-gateway', APP_ENV: 'development', NATS_STREAM: env.NATS_STREAM });
      for (const server of [environment.DATABASE_URL, environment.REDIS_URL, environment.NATS_URL])
        expect(server, name).not.toContain('localhost');
    }
    expect(() => readConfig(env)).not.toThrow();
  });

  it.skipIf(needed !== '').each(files)(`%s is what Compose's own schema allows${needed}`, (file) => {
    const { $schema, $id, ...rules } = JSON.parse(readFileSync(schema, 'utf8'));
    const accepts = new Ajv({ strict: false, validateFormats: false }).compile(rules);
    const written = parse(readFileSync(join(root, file), 'utf8'), { merge: true });
    expect(accepts(written), JSON.stringify(accepts.errors)).toBe(true);
    expect(accepts({ ...written, service: {} })).toBe(false);
  });

  it('has what the service depends on, the migration, and each role', () => {
    expect(services.map(([name]) => name).toSorted()).toEqual([
      'api',
      'migrate',
      'nats',
      'postgres',
      'redis',
      'worker-outbox',
      'worker-tasks',
    ]);
    expect(own.map(([, { command }]) => command.slice(3).join(' ')).toSorted()).toEqual([
      'src/lumin.ts migrate',
      'src/main.ts api',
      'src/main.ts worker:outbox',
      'src/main.ts worker:tasks',
    ]);
  });

  it('is reached from this machine only', () => {
    const ports = services.flatMap(([, service]) => service.ports ?? []);
    expect(ports).toEqual(
      expect.arrayContaining(['127.0.0.1:8000:8000', '127.0.0.1:5432:5432', '127.0.0.1:6379:6379', '127.0.0.1:8222:8222']),
    );
    expect(ports.filter((port: string) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  it('takes every capability and every way to more rights from its containers; all but the one with the tests have read-only file systems', () => {
    for (const [name, service] of services) {
      expect(service, name).toMatchObject({ cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'], read_only: name !== 'api' });
    }
  });

  it('gives each role variables that it knows and can start with', () => {
    for (const [name, { environment, command }] of own) {
      const tests = Object.keys(environment).filter((variable) => variable.startsWith('TEST_'));
      expect(
        Object.keys(environment).filter((variable) => !Object.hasOwn(settings, variable) && !tests.includes(variable)),
        name,
      ).toEqual([]);
      const config = readConfig(environment);
      expect(config, name).toMatchObject({ DATABASE_URL: { kind: 'postgres' }, MIGRATE_ON_START: false });
      if (command[4]?.startsWith('worker')) expect(config.WORKER_PORT, name).toBe(8001);
      if (command[3] === 'src/main.ts') expect(() => roleNamed(command[4], config), name).not.toThrow();
    }
  });

  it("talks to its own servers also where an .env file names this machine's", () => {
    const env = {
      DATABASE_URL: 'postgresql://user:password@localhost:5432/lumin_user_db',
      REDIS_URL: 'redis://localhost:6379/0',
      REDIS_PASSWORD: 'word',
    };
    const { api, redis } = readCompose(env).services;
    expect(api.environment).toMatchObject({
      DATABASE_URL: 'postgresql://user:password@postgres:5432/lumin_user_db',
      REDIS_URL: 'redis://redis:6379/0',
      REDIS_PASSWORD: 'word',
      TEST_REDIS_URL: 'redis://:word@redis:6379/0',
    });
    expect(compose.services.api.environment.TEST_REDIS_URL).toBe('redis://redis:6379/0');
    expect(redis.environment.REDISCLI_AUTH).toBe('word');
  });

  it.each([
    ['.env.example', text('.env.example')],
    ['the .env that the system was commissioned with', /```env\n(.*?)\n```/s.exec(text('docs/getting-started.md'))?.[1] ?? ''],
  ])('takes %s as it stands: containers differ by nothing that is meant for processes on this machine', (_, file) => {
    const env = parseEnv(file) as Record<string, string>;
    expect(Object.keys(env).length).toBeGreaterThan(10);
    const told = ['APP_ENV', 'APP_DEBUG', 'LOG_LEVEL', 'ALLOWED_ORIGINS', 'DATABASE_POOL_SIZE', 'DATABASE_MAX_OVERFLOW', 'NATS_STREAM'];
    const { services: given } = readCompose(env);
    for (const [name, { environment }] of own) {
      const expected = { ...environment };
      for (const variable of told) if (env[variable]) expected[variable] = env[variable];
      expect(given[name].environment, name).toEqual(expected);
      expect(readConfig(given[name].environment), name).toMatchObject({ DATABASE_URL: { kind: 'postgres' } });
      const reduced = { ...given[name], environment };
      expect(reduced, name).toEqual(compose.services[name]);
    }
    for (const server of ['postgres', 'redis', 'nats']) expect(given[server]).toEqual(compose.services[server]);
  });

  it('starts things in their order: healthy servers, the migration, the roles', () => {
    for (const [name, { depends_on = {} }] of services) {
      for (const [other, { condition }] of Object.entries<{ condition: string }>(depends_on)) {
        expect(Object.keys(compose.services), name).toContain(other);
        if (condition === 'service_healthy') expect(compose.services[other].healthcheck?.test, other).toBeDefined();
      }
    }
    for (const role of ['api', 'worker-tasks', 'worker-outbox']) {
      expect(compose.services[role].depends_on.migrate.condition).toBe('service_completed_successfully');
    }
  });

  it('builds stages that the Dockerfile has, and mounts what the repository has', () => {
    const stages = readDockerfile(join(root, 'Dockerfile')).map(({ name }) => name);
    for (const [name, { build }] of own) expect(stages, name).toContain(build.target);
    for (const volume of services.flatMap(([, service]) => service.volumes ?? []) as string[]) {
      const [source = ''] = volume.split(':');
      if (source.startsWith('.')) expect(existsSync(join(root, source)), source).toBe(true);
      else expect(Object.keys(compose.volumes)).toContain(source);
    }
  });

  it('has the tests where `docker compose run --rm api npm test` looks for them, and nowhere else', () => {
    expect(compose.services.api.build.target).toBe('test');
    expect(readCompose({ API_TARGET: 'production' }).services.api).toMatchObject({
      build: { target: 'production' },
      image: 'lumin-user-service:production',
    });
    expect(own.filter(([, { build }]) => build.target !== 'production').map(([name]) => name)).toEqual(['api']);
  });
});

describe('the compose file for production', () => {
  const file = 'docker-compose.production.yml';
  const secrets = [
    'POSTGRES_PASSWORD',
    'LUMIN_OWNER_PASSWORD',
    'LUMIN_SERVICE_PASSWORD',
    'REDIS_PASSWORD',
    'NATS_PASSWORD',
    'NATS_FEED_PASSWORD',
  ];
  const env = Object.fromEntries(secrets.map((name) => [name, `secret-${name}`]));
  const production = readCompose(env, file);
  const all: [string, any][] = Object.entries(production.services);
  const roles = all.filter(([, { command }]) => command?.[3] === 'src/main.ts');

  it.each(secrets)('does not start without %s', (secret) => {
    const { [secret]: _, ...others } = env;
    expect(() => readCompose(others, file)).toThrow(secret);
    expect(() => readCompose({ ...others, [secret]: '' }, file)).toThrow(secret);
  });

  it('has no default for anything that is a secret', () => {
    expect(
      [...text(file).matchAll(/\$\{(\w*(?:PASSWORD|SECRET|KEY|TOKEN)\w*)(?!:\?)\W/g)].filter(([whole]) => !whole.includes(':?')),
    ).toEqual([]);
    const plain = JSON.stringify(production).replaceAll(/secret-\w+/g, '');
    expect(plain).not.toMatch(/:\/\/\w*:(?!@)\w+@/);
  });

  it('is reached from this machine only, and has neither capabilities nor ways to more rights nor file systems to write to', () => {
    const ports = all.flatMap(([, service]) => service.ports ?? []);
    expect(ports.filter((port: string) => !port.startsWith('127.0.0.1:'))).toEqual([]);
    for (const [name, service] of all) {
      expect(service, name).toMatchObject({ cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'], read_only: true });
    }
  });

  it('migrates as the owner of the tables, and gives the owner’s password to nothing that serves', () => {
    const { migrate, roles: making } = production.services;
    expect(readConfig(migrate.environment)).toMatchObject({
      DATABASE_URL: { url: expect.stringContaining('//lumin_service:') },
      MIGRATION_DATABASE_URL: { url: expect.stringContaining('//lumin_owner:') },
    });
    expect(migrate.depends_on.roles.condition).toBe('service_completed_successfully');
    expect(making.volumes).toEqual(['./deploy/postgres/roles.sql:/roles.sql:ro']);
    expect(roles.map(([name]) => name).toSorted()).toEqual(['api', 'worker-outbox', 'worker-tasks']);
    for (const [name, { environment, depends_on, build }] of roles) {
      expect(JSON.stringify(environment), name).not.toMatch(/OWNER|owner|POSTGRES_PASSWORD/);
      expect(depends_on.migrate.condition, name).toBe('service_completed_successfully');
      expect(build.target, name).toBe('production');
      expect(readConfig(environment), name).toMatchObject({
        APP_ENV: 'production',
        AUTH_MODE: 'off-behind-gateway',
        MIGRATE_ON_START: false,
      });
    }
  });

  it('lets nobody into NATS without a password, and pages of no origin that was not named', () => {
    const { nats } = production.services;
    expect(nats.command).toEqual(['-c', '/etc/nats/nats.conf']);
    expect(text('deploy/nats/nats.conf')).not.toMatch(/no_auth_user/);
    expect(nats.environment.NATS_ALLOWED_ORIGINS).toBe('[https://none.invalid]');
  });
});

describe('images', () => {
  it('are named by exact version, wherever they come from outside', () => {
    const named = [
      ...files.flatMap((file) => [...text(file).matchAll(/^ *image: (\S+)$/gm)]),
      ...[...text('Dockerfile').matchAll(/^FROM (\S+)/gm)].filter(([, name]) => name?.includes(':')),
    ].map(([, name = '']) => name);
    expect(named.length).toBeGreaterThan(6);
    expect(named.filter((name) => !/^lumin-user-service:/.test(name) && !/:\d+\.\d+(\.\d+)?-\w/.test(name))).toEqual([]);
    expect(text('Dockerfile')).not.toMatch(/^# syntax=/m);
  });
});
