import { describe, expect, it } from 'vitest';
import { aUser, expectProblem } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';

const ALLOWED = ['http://localhost:3000', 'https://app.example.com'];
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

  it('gets no credentials, and OPTIONS without an origin stays a method that is not taken', async () => {
    expect((await preflight(ALLOWED[0] ?? '')).headers['access-control-allow-credentials']).toBeUndefined();
    expectProblem(await service.request('OPTIONS', '/api/users'), 405, 'method-not-allowed');
    expectProblem(await service.request('OPTIONS', '/nothing'), 404, 'not-found');
  });
});
