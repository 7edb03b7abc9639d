import { createRequire } from 'node:module';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import type { Ruleset, Spectral } from '@stoplight/spectral-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { userEventTypes } from '../../src/domain/aggregates/user.ts';
import { catalogue } from '../../src/domain/problem.ts';
import { useService } from '../fixtures/http-service.ts';

// Both packages are CommonJS, whose names Node does not find by `import`.
const require = createRequire(import.meta.url);
const codes = Object.keys(catalogue).sort();

const service = useService();
let document: any;

beforeAll(async () => {
  document = JSON.parse((await service.request('GET', '/openapi.json')).text);
});

const operations = (): any[] => Object.values(document.paths).flatMap((path: any) => Object.values(path));
/** Every schema in the document's operations and components, with the place that it stands in. */
const schemas = (): [string, any][] => {
  const found: [string, any][] = [];
  const walk = (schema: any, place: string): void => {
    found.push([place, schema]);
    for (const [name, property] of Object.entries(schema.properties ?? {})) walk(property, `${place}/properties/${name}`);
    for (const keyword of ['oneOf', 'anyOf', 'allOf'])
      for (const [index, one] of (schema[keyword] ?? []).entries()) walk(one, `${place}/${keyword}/${index}`);
    for (const keyword of ['items', 'additionalProperties', 'not'])
      if (typeof schema[keyword] === 'object') walk(schema[keyword], `${place}/${keyword}`);
  };
  const content = (holder: any, place: string): void => {
    for (const [type, { schema }] of Object.entries<any>(holder?.content ?? {})) walk(schema, `${place} ${type}`);
    for (const [name, header] of Object.entries<any>(holder?.headers ?? {})) if (header.schema) walk(header.schema, `${place} ${name}`);
  };
  for (const [name, schema] of Object.entries(document.components.schemas)) walk(schema, name);
  for (const [name, response] of Object.entries(document.components.responses)) content(response, name);
  for (const { operationId, parameters = [], requestBody, responses } of operations()) {
    for (const { name, schema } of parameters) walk(schema, `${operationId} ${name}`);
    content(requestBody, operationId);
    for (const [status, response] of Object.entries(responses)) content(response, `${operationId} ${status}`);
  }
  return found;
};

describe('the OpenAPI document', () => {
  it('is clean by spectral:oas: no error and no warning', async () => {
    const core: { Spectral: typeof Spectral } = require('@stoplight/spectral-core');
    const { oas }: { oas: Ruleset } = require('@stoplight/spectral-rulesets');
    const spectral = new core.Spectral();
    spectral.setRuleset({ extends: [oas as never] });
    expect(document.openapi).toBe('3.1.0');
    expect(await spectral.run(JSON.stringify(document))).toEqual([]);
  });

  it("has no error by redocly's recommended rules, and two warnings that say nothing", async () => {
    const config = await createConfig({
      extends: ['recommended'],
      // A task's id begins with task_ and is none of a user: /api/users/tasks/{task_id} is no address of a user.
      rules: { 'no-ambiguous-paths': 'off' },
    });
    const problems = await lintFromString({ source: JSON.stringify(document), config });
    const found = problems.map(({ severity, ruleId, location: [at] }) => `${severity} ${ruleId} ${at?.pointer}`);
    // What is required if there is no email address is a property of the schema around.
    const warning = 'warn no-required-schema-properties-undefined #/components/schemas/CreateUserRequest';
    expect(found).toEqual([`${warning}/if/required/0`, `${warning}/else/required/0`]);
  });

  it('has every route, and no other', () => {
    const documented = Object.entries<object>(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(documented.sort()).toEqual(
      [
        'GET /api/users',
        'POST /api/users',
        'GET /api/users/{user_id}',
        'PATCH /api/users/{user_id}',
        'DELETE /api/users/{user_id}',
        ...['activate', 'deactivate', 'block', 'unblock'].map((act) => `POST /api/users/{user_id}/${act}`),
        ...['username', 'email', 'phone', 'avatar-url', 'bio', 'birth-date', 'language-code', 'privacy-settings'].map(
          (field) => `PATCH /api/users/{user_id}/${field}`,
        ),
        'POST /api/users/{user_id}/profile-views',
        ...['profile-views', 'profile', 'events'].map((path) => `GET /api/users/{user_id}/${path}`),
        'GET /api/users/tasks/{task_id}',
        ...['/health', '/health/live', '/health/ready', '/metrics', '/openapi.json', '/problems/{code}'].map((path) => `GET ${path}`),
      ].sort(),
    );
  });

  it('gives every operation its own id, a summary, a tag that is described, and a description', () => {
    const ids = operations().map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = document.tags.map(({ name }: { name: string }) => name);
    for (const {
      summary,
      description,
      tags: [tag],
    } of operations()) {
      expect(summary).toMatch(/^[A-Z]/);
      expect(description).toMatch(/\.$/);
      expect(tags).toContain(tag);
    }
  });

  it('names every object: none stands in place, and equal ones have one name', () => {
    const named = new Map<string, string>();
    for (const [place, schema] of schemas()) {
      const isName = Object.hasOwn(document.components.schemas, place);
      if (!isName) expect(schema.properties, place).toBeUndefined();
      if (!isName) expect([schema.type].flat(), place).not.toContain('object');
      if (!isName) continue;
      const same = named.get(JSON.stringify(schema));
      expect(same, `${place} is the same as ${same}`).toBeUndefined();
      named.set(JSON.stringify(schema), place);
    }
    for (const [, schema] of schemas()) {
      if (schema.$ref === undefined) continue;
      expect(Object.keys(schema)).toEqual(['$ref']);
      expect(document.components.schemas).toHaveProperty([schema.$ref.replace('#/components/schemas/', '')]);
    }
  });

  it('has no choices but that of an event by its type, and that of an object or null', () => {
    const reference = { $ref: expect.stringMatching(/^#\/components\/schemas\/\w+$/) };
    for (const [place, schema] of schemas()) {
      expect(schema.anyOf ?? schema.allOf, place).toBeUndefined();
      if (schema.oneOf === undefined) continue;
      if (place !== 'Event') expect(schema, place).toEqual({ oneOf: [reference, { type: 'null' }] });
    }
    const { oneOf, discriminator } = document.components.schemas.Event;
    expect(discriminator.propertyName).toBe('type');
    expect(oneOf.map(({ $ref }: any) => $ref)).toEqual(Object.values(discriminator.mapping));
    expect(Object.keys(discriminator.mapping)).toEqual(userEventTypes.map((type) => `lumin.users.${type}.v1`));
    for (const [type, at] of Object.entries<string>(discriminator.mapping)) {
      const { properties } = document.components.schemas[at.replace('#/components/schemas/', '')];
      expect(properties.type.enum).toEqual([type]);
      const data = document.components.schemas[properties.data.$ref.replace('#/components/schemas/', '')];
      expect(data).toMatchObject({ additionalProperties: true, required: ['changed'] });
    }
  });

  it('gives every operation a success whose JSON is a named schema, and problems that all operations share', () => {
    for (const { operationId, responses } of operations()) {
      for (const [status, response] of Object.entries<any>(responses)) {
        if (status === 'default' || Number(status) >= 400) {
          expect(Object.keys(response), `${operationId} ${status}`).toEqual(['$ref']);
          const { content } = document.components.responses[response.$ref.replace('#/components/responses/', '')];
          expect(content['application/problem+json'].schema).toEqual({ $ref: '#/components/schemas/Problem' });
          if (status !== 'default') expect(content['application/problem+json'].example.status).toBe(Number(status));
        } else if (response.content?.['application/json']) {
          expect(Object.keys(response.content['application/json'].schema), operationId).toEqual(['$ref']);
        } else {
          expect(Number(status) === 204 || Number(status) === 304 || Object.keys(response.content)[0]?.startsWith('text/')).toBe(true);
        }
      }
    }
  });

  it('names operations as methods are named, and headers as people write them', () => {
    const ids = operations().map(({ operationId }) => operationId);
    for (const id of ids) expect(id).toMatch(/^[a-z]+([A-Z][a-z]+)+$/);
    expect(ids).toEqual(expect.arrayContaining(['createUser', 'getUser', 'listUsers', 'getUserHistory', 'changeBirthDate', 'blockUser']));
    const names = operations().flatMap(({ parameters = [], responses }) => [
      ...parameters.filter((one: any) => one.in === 'header').map(({ name }: any) => name),
      ...Object.values<any>(responses).flatMap(({ headers = {} }) => Object.keys(headers)),
    ]);
    for (const name of names) expect(name).toMatch(/^ETag$|^[A-Z][a-z]*(-[A-Z][a-z]+)*$/);
  });

  it('has patterns that every language reads alike', () => {
    const patterns = schemas()
      .flatMap(([, { pattern, not }]) => [pattern, not?.pattern])
      .filter((one) => one !== undefined);
    expect(patterns.length).toBeGreaterThan(20);
    for (const pattern of patterns) {
      expect(() => new RegExp(pattern, 'u'), pattern).not.toThrow();
      // Look-arounds, properties of Unicode, back-references, escapes of one language, and what would end a literal.
      expect(pattern).not.toMatch(/\(\?(?!:)|\\[^dwsSDWtxnr*+.?()[\]\\/{}|^$-]|"|\*\/|&&|\[[^\]]*(?<!\\)\[/);
    }
  });

  it("has examples that the service takes, the README's among them", async () => {
    const example = (path: string, method: string) => document.paths[path][method].requestBody?.content['application/json'].example;
    expect(example('/api/users', 'post')).toEqual({
      user_id: '550e8400-e29b-41d4-a716-446655440000',
      username: { first_name: 'John', last_name: 'Doe' },
      phone: '+79991234567',
      email: 'john.doe@example.com',
      language_code: 'en',
    });
    expect(example('/api/users/{user_id}/email', 'patch')).toEqual({ new_email: 'new@example.com' });
    const [{ example: id }] = document.paths['/api/users/{user_id}'].get.parameters;
    expect((await service.request('POST', '/api/users', example('/api/users', 'post'))).status).toBe(201);
    for (const [path, methods] of Object.entries<any>(document.paths)) {
      if (!path.startsWith('/api/users/{user_id}/')) continue;
      for (const method of Object.keys(methods)) {
        // By now the profile is for users only; its owner sees it.
        const url = path.replace('{user_id}', id) + (path.endsWith('/profile') ? `?viewer_id=${id}` : '');
        const answer = await service.request(method.toUpperCase() as 'POST', url, example(path, method));
        expect(answer.status, `${method} ${path}: ${answer.text}`).toBeLessThan(300);
        await service.request('POST', `/api/users/${id}/unblock`);
      }
    }
  });

  it('gives no examples to optional parameters: /docs would send them with every request', () => {
    for (const { parameters = [] } of operations())
      for (const { name, required, example } of parameters) if (!required && name !== 'limit') expect(example, name).toBeUndefined();
  });
});

describe('the catalogue of problems', () => {
  it('is what the document knows, and every code that can be answered on a route stands at one', () => {
    expect([...document.components.schemas.ProblemCode.enum].sort()).toEqual(codes);
    const documented = new Set<string>(operations().flatMap((operation) => operation['x-problem-codes']));
    for (const code of documented) expect(codes).toContain(code);
    // Answered where there is no route, before there is one, on the live feed, or never.
    const elsewhere = [
      'already-subscribed',
      'expectation-failed',
      'headers-too-large',
      'host-not-allowed',
      'internal-error',
      'method-not-allowed',
      'origin-not-allowed',
      'request-timeout',
      'unsupported-transfer-coding',
      'upgrade-required',
    ];
    expect(codes.filter((code) => !documented.has(code))).toEqual(elsewhere);
  });
});
