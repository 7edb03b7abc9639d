import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig, settings } from '../../src/infrastructure/container/config.ts';
import { roleNamed } from '../../src/infrastructure/container/role.ts';
import { readCompose } from '../fixtures/compose.ts';
import { readDockerfile } from '../fixtures/dockerfile.ts';
import { root } from '../fixtures/manifests.ts';

const compose = readCompose();
const services: [string, any][] = Object.entries(compose.services);
const own = services.filter(([, { build }]) => build);
// Compose's own schema, as the linter dclint brings it along.
const schema = join(root, 'node_modules/dclint/schemas/compose.schema.json');
const needed = existsSync(schema) ? '' : ' [needs dclint: npm install --no-save dclint]';

describe('the compose file', () => {
  it.skipIf(needed !== '')(`is what Compose's own schema allows${needed}`, () => {
    const { $schema, $id, ...rules } = JSON.parse(readFileSync(schema, 'utf8'));
    const accepts = new Ajv({ strict: false, validateFormats: false }).compile(rules);
    const written = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true });
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
