import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Ruleset, Spectral } from '@stoplight/spectral-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { catalogue, type ProblemCode } from '../../src/domain/problem.ts';
import { statusOf } from '../../src/presentation/api/http/problems.ts';
import { expectProblem } from '../fixtures/http.ts';
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
const codesOf = (operation: any): string[] =>
  Object.values(operation.responses).flatMap(
    (response: any) => response.content?.['application/problem+json']?.schema.allOf[1].properties.code.enum ?? [],
  );

describe('the OpenAPI document', () => {
  it('is clean by spectral:oas: no error and no warning', async () => {
    const core: { Spectral: typeof Spectral } = require('@stoplight/spectral-core');
    const { oas }: { oas: Ruleset } = require('@stoplight/spectral-rulesets');
    const spectral = new core.Spectral();
    spectral.setRuleset({ extends: [oas as never] });
    expect(document.openapi).toBe('3.1.0');
    expect(await spectral.run(JSON.stringify(document))).toEqual([]);
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
    expect([...document.components.schemas.Problem.properties.code.enum].sort()).toEqual(codes);
    const documented = new Set(operations().flatMap(codesOf));
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

  it.each(codes)('has a page about %s', async (code) => {
    const { status, text, headers } = await service.request('GET', `/problems/${code}`);
    const { title, help } = catalogue[code as keyof typeof catalogue];
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).toBe("default-src 'none'");
    expect(text).toContain(`<h1>${title.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</h1>`);
    expect(help).toMatch(/\.$/);
    // It is also read in tasks and in messages of the live feed, which have no headers, and where /docs is not served.
    if (code !== 'method-not-allowed')
      expect(help).not.toMatch(/Retry-After|X-Request-Id|request_id|ETag header|Location|\/docs|The \S+ header/);
    expect(text).not.toMatch(/<script|<link|https?:\/\/(?!\S*<)/);
  });

  it('has no page about anything else', async () => {
    for (const code of ['nothing', 'constructor', '__proto__', 'Validation-Failed', '%3Cscript%3E', 'x'.repeat(5_000)])
      expectProblem(await service.request('GET', `/problems/${code}`), 404, 'not-found');
  });

  const table = new URL('../../docs/problems.md', import.meta.url);
  it('is the table in docs/problems.md, whole and with the right statuses', () => {
    expect(existsSync(table), 'docs/problems.md').toBe(true);
    const rows = [...readFileSync(table, 'utf8').matchAll(/^\| *`([^`]+)` *\| *(\d+) *\|/gm)].map(
      ([, code, status]) => `${code} ${status}`,
    );
    expect(rows.sort()).toEqual(codes.map((code) => `${code} ${statusOf(code as ProblemCode)}`));
  });
});

describe('/docs', () => {
  const files = [
    '/docs',
    '/docs/',
    '/docs/static/index.css',
    '/docs/static/swagger-initializer.js',
    '/docs/static/swagger-ui.css',
    '/docs/static/swagger-ui-bundle.js',
    '/docs/static/swagger-ui-standalone-preset.js',
  ];

  it.each(files)('serves %s from here, under a policy that lets nothing come from elsewhere', async (url) => {
    const { statusCode, headers, payload } = await service.server.inject({ url });
    expect(statusCode).toBe(200);
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'self'");
    // Upgrading to https would break the page wherever it is served without TLS.
    expect(policy).not.toMatch(/https?:|validator|upgrade-insecure-requests|unsafe-eval|\*/);
    if (/^\/docs\/?$|initializer|css/.test(url)) expect(payload).not.toMatch(/(?:src|href|url|import)\s*[=(:]\s*["']?(?:https?:)?\/\//i);
  });

  it('names every file that the page asks for, shows no validator badge, and reads the document from here', async () => {
    const page = (await service.server.inject({ url: '/docs' })).payload;
    const assets = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url ?? '');
    expect(assets.length).toBeGreaterThan(4);
    for (const url of assets) {
      // Relative to the page, which a proxy may serve under another path.
      expect(url).toMatch(/^\.\/docs\/static\//);
      expect((await service.server.inject({ url: url.slice(1) })).statusCode).toBe(200);
    }
    const script = (await service.server.inject({ url: '/docs/static/swagger-initializer.js' })).payload;
    expect(script).toContain('"validatorUrl":null');
    expect(script).toContain("resolveUrl('./json')");
    expect((await service.server.inject({ url: '/docs/json' })).json()).toEqual(document);
  });
});
