import { connect } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { aUser, created } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';
import { connectLive, liveUrl, refusal } from '../fixtures/live-client.ts';

const ORIGIN = 'http://localhost:3000';
const service = useService({ env: { AUTH_MODE: 'off', ALLOWED_ORIGINS: ORIGIN, ALLOWED_HOSTS: 'Users.localhost, 192.0.2.7, fd00::1' } });
let block: string;
let feed: string;

beforeAll(async () => {
  feed = await liveUrl(service);
  const { user_id } = await created(service);
  block = `/api/users/${user_id}/block`;
});

const get = (url: string, headers: Record<string, string>) => service.server.inject({ url, headers });
/** What any page can make a browser send without asking first. */
const post = (headers: Record<string, string>) =>
  service.server.inject({ method: 'POST', url: block, headers: { host: 'localhost:8000', ...headers } });

describe('a service that checks no callers answers to its own names', () => {
  it.each([
    ...['localhost', 'localhost:8000', 'LOCALHOST:1', '127.0.0.1', '127.0.0.1:8000', '[::1]', '[::1]:8000'],
    ...['users.localhost:8000', '192.0.2.7', '[fd00::1]:80'],
  ])('as %s', async (host) => expect((await get('/health', { host })).statusCode).toBe(200));

  // A page whose owner points its name at 127.0.0.1 is of the same origin as the service, for the browser.
  it.each([
    'evil.example',
    'evil.example:8000',
    'localhost.evil.example',
    'evil-localhost',
    '127.0.0.2',
    '127.0.0.1.nip.io',
    '[::2]',
    '0.0.0.0',
    'localhost.',
  ])('and not as %s', async (host) => {
    for (const url of ['/health', '/metrics', '/docs', '/openapi.json', '/api/users', '/nothing', '/ws']) {
      const answer = await get(url, { host });
      expect(answer.statusCode, url).toBe(421);
      expect(answer.json()).toMatchObject({ code: 'host-not-allowed', request_id: answer.headers['x-request-id'] });
    }
  });

  it('nor where the target names another host than the header', async () => {
    const port = Number(new URL(feed).port);
    const status = (target: string): Promise<string> =>
      new Promise((resolve) => {
        const socket = connect(port, '127.0.0.1', () =>
          socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`),
        );
        socket.once('data', (data) => resolve(String(data).slice(9, 12)));
        socket.once('error', () => {});
      });
    expect(await status('http://localhost/health')).toBe('200');
    expect(await status('http://evil.example/health')).toBe('421');
  });
});

describe('a change that a page sends', () => {
  it.each<Record<string, string>>([
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: '' },
    { origin: 'http://localhost:3001' },
    { origin: 'http://localhost' },
    { origin: 'http://127.0.0.1:8000' },
    { origin: 'file://localhost:8000' },
    { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site', origin: 'http://localhost:8000' },
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
  ])('is refused with %j, and changes nothing', async (headers) => {
    const answer = await post(headers);
    expect(answer.statusCode).toBe(403);
    expect(answer.json()).toMatchObject({ code: 'origin-not-allowed', status: 403 });
    expect((await service.request('GET', block.replace('/block', ''))).body.status).toBe('active');
    const creation = await service.server.inject({
      method: 'POST',
      url: '/api/users',
      headers: { ...headers, 'content-type': 'text/plain' },
      payload: '{',
    });
    expect(creation.statusCode).toBe(403);
  });

  it.each(['DELETE', 'PATCH', 'PUT'] as const)('is refused whatever its method: %s', async (method) => {
    const answer = await service.server.inject({ method, url: block.replace('/block', ''), headers: { origin: 'https://evil.example' } });
    expect(answer.json().code).toBe('origin-not-allowed');
  });

  it.each<Record<string, string>>([
    {},
    { origin: 'http://localhost:8000' },
    { origin: 'https://localhost:8000' },
    { origin: 'http://localhost:8000', 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
    { origin: ORIGIN },
    { origin: ORIGIN, 'sec-fetch-site': 'cross-site' },
  ])('is made with %j: of a program, of the page at /docs, of an origin that is allowed', async (headers) => {
    expect((await post(headers)).statusCode).toBe(200);
  });

  it('is no reading, which a page may ask for and cannot see', async () =>
    expect((await get('/api/users', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' })).statusCode).toBe(200));

  it('is one that opens the live feed', async () => {
    await (await connectLive(feed, { headers: { origin: ORIGIN, 'sec-fetch-site': 'cross-site' } })).close();
    for (const [headers, status] of [
      [{ origin: 'https://evil.example' }, 403],
      [{ 'sec-fetch-site': 'cross-site' }, 403],
      [{ host: 'evil.example' }, 421],
    ] as const)
      expect((await refusal(feed, { headers })).status).toBe(status);
  });
});

describe('behind a gateway', () => {
  const gateway = useService({ env: { AUTH_MODE: 'off-behind-gateway', ALLOWED_HOSTS: 'users.example' } });

  it('names and origins are the gateway’s matter', async () => {
    const headers = { host: 'users.internal', origin: 'https://app.example.com', 'sec-fetch-site': 'cross-site' };
    expect((await gateway.request('POST', '/api/users', aUser(), headers)).status).toBe(201);
  });
});
