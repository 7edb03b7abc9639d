import { beforeAll, describe, expect, it } from 'vitest';
import { aUser, created, expectProblem } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';

const SOME_ID = '550e8400-e29b-41d4-a716-446655440000';
const service = useService();
let url: string;

beforeAll(async () => {
  url = `/api/users/${(await created(service)).user_id}`;
});

describe('a user id in a path', () => {
  const wrong = [
    'x',
    '%00',
    '%20',
    '..%2f..%2fetc',
    '1 OR 1=1',
    "'",
    'a'.repeat(150),
    'a'.repeat(9_000),
    '00000000-0000-0000-0000-000000000000',
    'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
    '%7B550e8400-e29b-41d4-a716-446655440000%7D',
    '550e8400e29b41d4a716446655440000',
    `${SOME_ID}.`,
    `${SOME_ID};a=b`,
    `${SOME_ID}%00`,
    `${SOME_ID}%20`,
    `${SOME_ID}%2f`,
    '*',
    '@',
    ':user_id',
    'undefined',
    'null',
    '%F0%9F%91%A9',
    '550e8400-e29b-41d4-a716-44665544000%D0%BE',
    '%ZZ',
    '%',
    '%f',
    '%c0%80',
    '%ed%a0%80',
    '%ff',
    'tasks',
  ].map((id) => id.replaceAll(' ', '%20'));

  it.each(wrong)('is not %s', async (id) => {
    expectProblem(await service.request('GET', `/api/users/${id}`), 400, 'invalid-user-id', '/user_id');
  });

  // `tasks` stands elsewhere: /api/users/tasks/… is a route of its own.
  it.each(wrong.slice(0, -1))('%s is refused before anything else of a command is looked at', async (id) => {
    for (const body of ['{', '{"x":1}'])
      expectProblem(await service.request('PATCH', `/api/users/${id}/email?x=1`, body), 400, 'invalid-user-id');
  });

  it.each([SOME_ID.toUpperCase(), '7f000000-0000-0000-0000-000000000000', '0190f3d1-5a1b-7c3d-8e4f-0123456789ab'])(
    'may be %s',
    async (id) => {
      expectProblem(await service.request('GET', `/api/users/${id}`), 404, 'user-not-found');
    },
  );
});

describe('a path that is no route', () => {
  it.each([
    '/',
    '//',
    '/api',
    '/api/',
    '/API/users',
    '/api/Users',
    '/api//users',
    '/api/users//',
    `/api/users//${SOME_ID}`,
    `/api/users/${SOME_ID}/`.concat('/'),
    `/api/users/${SOME_ID}/nothing`,
    `/api/users/${SOME_ID}/email/x`,
    '/api/users/tasks/task_abc123/x',
    `/api/users/${SOME_ID}%2Femail/x`,
    '/metrics/x',
    '/.env',
    '/health/x',
    '/problems/not-found/x',
    '/problems/nope',
    '/problems/__proto__',
    '/problems/toString',
    '/problems/%00',
    '/docs/nope',
    '/docs/..%2fpackage.json',
    '/docs/json',
    '/docs/scalar.js/x',
    '/%',
  ])('%s answers 404 or 400, never more', async (path) => {
    const answer = await service.request('GET', path);
    if (answer.status === 400) return expectProblem(answer, 400, path === '/%' ? 'malformed-request' : 'invalid-user-id');
    expectProblem(answer, 404, 'not-found');
  });
});

describe('a query', () => {
  it.each([
    ['POST', '/api/users', '?email=a@b.co', '/email'],
    ['GET', '', '?fields=email', '/fields'],
    ['GET', '', '?x', '/x'],
    ['GET', '', '?__proto__=1', '/__proto__'],
    ['GET', '', '?constructor=1', '/constructor'],
    ['PATCH', '/username', '?first_name=x', '/first_name'],
    ['PATCH', '/privacy-settings', '?show_email=true', '/show_email'],
    ['POST', '/activate', '?force=1', '/force'],
    ['POST', '/block', '?reason=x', '/reason'],
    ['DELETE', '', '?hard=true', '/hard'],
    ['PATCH', '/email', '?new_phone=x', '/new_phone'],
    ['PATCH', '/email', '?new_email[]=a@b.co', '/new_email[]'],
    ['PATCH', '/email', '?NEW_EMAIL=a@b.co', '/NEW_EMAIL'],
    ['PATCH', '/email', `?${'x'.repeat(5_000)}=1`, `/${'x'.repeat(100)}`],
  ] as const)('%s %s%s names what the route does not take', async (method, path, query, pointer) => {
    const target = path === '/api/users' ? path : url + path;
    const body = path.startsWith('/api')
      ? aUser()
      : { '/username': { first_name: 'x' }, '/privacy-settings': { show_bio: true }, '/email': { new_email: 'a@b.co' } }[path as string];
    expectProblem(await service.request(method, target + query, body), 422, 'validation-failed', pointer);
  });

  it.each(['?new_email=%', '?new_email=%zz', '?new_email=%ff', '?%c0%80=x', '?new_email=%ed%a0%80', '?a=%f0%9f'])(
    '%s cannot be parsed',
    async (query) => {
      for (const path of [`${url}/email`, '/health']) {
        const answer = await service.request(path === '/health' ? 'GET' : 'PATCH', path + query);
        expectProblem(answer, 400, 'malformed-request');
      }
    },
  );

  it.each(['new_email=a@b.co&new_email=c@d.co', 'new_email=&new_email=', 'new_email', 'new_email=', '&new_email=&', 'new_email=null'])(
    '%s is no address',
    async (query) => {
      expectProblem(await service.request('PATCH', `${url}/email?${query}`), 422, 'validation-failed', '/new_email');
    },
  );

  it.each(['email', 'phone', 'avatar-url', 'bio', 'birth-date', 'language-code'])(
    'and a body together are refused by %s, even when they agree',
    async (path) => {
      const name = `new_${path.replace('-', '_')}`;
      for (const body of [{ [name]: 'x' }, {}, 'null'])
        expectProblem(await service.request('PATCH', `${url}/${path}?${name}=x`, body), 422, 'query-and-body', `/${name}`);
    },
  );

  it('reads + as a space only where a space can be meant', async () => {
    const answer = await service.request('PATCH', `${url}/phone?new_phone=+1+202+555+0100`);
    expect(answer.body.phone).toBe('+12025550100');
    expectProblem(await service.request('PATCH', `${url}/phone?new_phone=++12025550100`), 422, 'validation-failed', '/new_phone');
  });
});

describe('a method that a path does not take', () => {
  it.each([
    ['PUT', '/api/users', 'GET, HEAD, POST'],
    ['DELETE', '/api/users/', 'GET, HEAD, POST'],
    ['DELETE', `/api/users/${SOME_ID}/profile-views`, 'GET, HEAD, POST'],
    ['POST', `/api/users/${SOME_ID}/profile`, 'GET, HEAD'],
    ['PUT', `/api/users/${SOME_ID}`, 'DELETE, GET, HEAD, PATCH'],
    ['POST', '/api/users/not-an-id', 'DELETE, GET, HEAD, PATCH'],
    ['TRACE', `/api/users/${SOME_ID}`, 'DELETE, GET, HEAD, PATCH'],
    ['OPTIONS', `/api/users/${SOME_ID}`, 'DELETE, GET, HEAD, PATCH'],
    ['QUERY', `/api/users/${SOME_ID}`, 'DELETE, GET, HEAD, PATCH'],
    ['PROPFIND', '/api/users', 'GET, HEAD, POST'],
    ['GET', `/api/users/${SOME_ID}/email`, 'PATCH'],
    ['POST', `/api/users/${SOME_ID}/email`, 'PATCH'],
    ['HEAD', `/api/users/${SOME_ID}/activate`, 'POST'],
    ['DELETE', `/api/users/${SOME_ID}/events`, 'GET, HEAD'],
    ['POST', '/api/users/tasks/task_abc123', 'GET, HEAD'],
    ['DELETE', '/health', 'GET, HEAD'],
    ['POST', '/health/ready', 'GET, HEAD'],
    ['DELETE', '/openapi.json', 'GET, HEAD'],
    ['POST', '/docs', 'GET, HEAD'],
    ['PUT', '/problems/not-found', 'GET, HEAD'],
    ['POST', '/problems', 'GET, HEAD'],
  ])('%s %s answers 405 and says which it takes: %s', async (method, path, allow) => {
    const answer = await service.request(method as 'GET', path);
    expect(answer.headers.allow).toBe(allow);
    if (method === 'HEAD') expect(answer.status).toBe(405);
    else expectProblem(answer, 405, 'method-not-allowed');
  });

  it('HEAD answers as GET does, without the body', async () => {
    const lists = ['/api/users', `${url}/events`, `${url}/profile`, `${url}/profile-views`];
    const pages = [
      '/health',
      '/health/live',
      '/health/ready',
      '/openapi.json',
      '/problems',
      '/problems/not-found',
      '/docs',
      '/docs/scalar.js',
    ];
    const lasting = ({ headers: { 'x-request-id': _, date: __, ...headers } }: { headers: Record<string, unknown> }) => headers;
    for (const path of [url, ...lists, ...pages, '/nothing', '/api/users/x', '/api/users/%ZZ', '/ws']) {
      const [get, head] = await Promise.all(
        ['GET' as const, 'HEAD' as const].map((method) => service.server.inject({ method, url: path })),
      );
      expect(head?.statusCode).toBe(get?.statusCode);
      expect(head?.payload).toBe('');
      expect(lasting(head as never), path).toEqual(lasting(get as never));
    }
  });

  it.each(['GET', 'HEAD'] as const)('a 304 to %s has no length and no type: they would be those of the user', async (method) => {
    const { etag = '' } = (await service.request('HEAD', url)).headers;
    const { status, headers } = await service.request(method, url, undefined, { 'if-none-match': etag });
    expect(status).toBe(304);
    expect(headers).toMatchObject({ etag, 'cache-control': 'private, no-cache' });
    for (const name of ['content-length', 'content-type', 'transfer-encoding']) expect(headers).not.toHaveProperty(name);
  });

  it('a 204 has no length and no type', async () => {
    const { user_id } = await created(service);
    const { status, headers } = await service.request('DELETE', `/api/users/${user_id}`);
    expect(status).toBe(204);
    for (const name of ['content-length', 'content-type', 'transfer-encoding']) expect(headers).not.toHaveProperty(name);
  });
});
