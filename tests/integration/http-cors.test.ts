import { describe, expect, it } from 'vitest';
import { aUser, expectProblem } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';

const ALLOWED = ['http://localhost:3000', 'https://app.example.com', 'capacitor://localhost'];
const service = useService({ env: { ALLOWED_ORIGINS: ALLOWED.join(', ') } });

const preflight = (origin: string) =>
  service.server.inject({
    method: 'OPTIONS',
    url: '/api/users',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'if-match' },
  });

describe('a page of another origin', () => {
  it.each(ALLOWED)('may call from %s and read what it needs', async (origin) => {
    const { statusCode, headers } = await preflight(origin);
    expect(statusCode).toBe(204);
    expect(headers).toMatchObject({ 'access-control-allow-origin': origin, 'access-control-allow-headers': 'if-match' });
    expect(headers).not.toHaveProperty('content-length');
    expect(headers['access-control-allow-methods']).toBe('GET, HEAD, POST, PATCH, DELETE');
    const answer = await service.request('POST', '/api/users', aUser(), { origin });
    expect(answer.headers['access-control-allow-origin']).toBe(origin);
    expect(answer.headers['access-control-expose-headers']).toMatch(/ETag.*Location.*Idempotent-Replayed/);
    expect(answer.headers.vary).toContain('Origin');
    const refused = await service.request('POST', '/api/users', {}, { origin });
    expect(refused.headers['access-control-allow-origin']).toBe(origin);
  });

  it.each([
    'null',
    'https://evil.example',
    'https://app.example.com.evil.example',
    'https://evilapp.example.com',
    'http://app.example.com',
    'https://app.example.com:444',
    'https://app.example.com/',
    'HTTPS://APP.EXAMPLE.COM',
    'http://localhost:30000',
    'capacitor://localhost:80',
    'CAPACITOR://localhost',
    'http://localhost',
    '*',
    '',
    `${ALLOWED[0]}, ${ALLOWED[1]}`,
  ])('may not from %j: no header says so', async (origin) => {
    const refused = await preflight(origin);
    expect(refused.statusCode).toBe(405);
    const answer = await service.request('GET', '/health', undefined, { origin });
    expect(answer.status).toBe(200);
    for (const { headers } of [refused, answer]) {
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
      expect(headers.vary).toContain('Origin');
    }
  });

  const preflighted = { 'access-control-request-method': 'PATCH' };
  it.each<[status: number, method: string, url: string, headers?: object, payload?: string]>([
    [400, 'GET', '/api/users/%ZZ'],
    [400, 'HEAD', '/api/users/%ZZ'],
    [400, 'PATCH', '/api/users/%ff/email'],
    [400, 'GET', '/%'],
    [400, 'GET', '/health?a=%'],
    [400, 'GET', '/api/users/x'],
    [400, 'POST', '/api/users', { 'content-type': 'application/json' }, '{'],
    [404, 'GET', '/nothing'],
    [404, 'GET', `/nothing/${'x'.repeat(20_000)}`],
    [404, 'GET', `/problems/${'x'.repeat(20_000)}`],
    [404, 'GET', '/docs/nothing'],
    [405, 'DELETE', '/health'],
    [405, 'TRACE', '/api/users'],
    [405, 'DELETE', '/docs/scalar.js'],
    [413, 'POST', '/api/users', { 'content-type': 'application/json' }, 'x'.repeat(65_537)],
    [415, 'POST', '/api/users', { 'content-type': 'text/plain' }, 'x'],
    [417, 'GET', '/health', { expect: '200-ok' }],
    [422, 'GET', '/api/users?limit=0'],
    [426, 'GET', '/ws'],
    [200, 'GET', '/health'],
    [200, 'GET', '/docs'],
    [200, 'HEAD', '/openapi.json'],
    [204, 'OPTIONS', '/nothing', preflighted],
    [204, 'OPTIONS', '/api/users/%ZZ', preflighted],
  ])('may read whatever is answered: %i to %s %s', async (status, method, url, headers, payload) => {
    const answer = await service.server.inject({
      method: method as 'GET',
      url,
      headers: { ...headers, origin: ALLOWED[0] },
      ...(payload && { payload }),
    });
    expect(answer.statusCode).toBe(status);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': ALLOWED[0],
      'access-control-expose-headers': expect.stringContaining('X-Request-Id'),
      vary: expect.stringContaining('Origin'),
      'x-request-id': expect.any(String),
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, no-cache',
    });
    if (status >= 400 && method !== 'HEAD') expect(answer.json()).toMatchObject({ status, request_id: answer.headers['x-request-id'] });
  });

  it('gets no credentials, and OPTIONS without an origin stays a method that is not taken', async () => {
    expect((await preflight(ALLOWED[0] ?? '')).headers['access-control-allow-credentials']).toBeUndefined();
    expectProblem(await service.request('OPTIONS', '/api/users'), 405, 'method-not-allowed');
    expectProblem(await service.request('OPTIONS', '/nothing'), 404, 'not-found');
  });
});
