import { connect } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { useService } from '../fixtures/http-service.ts';

const ID = '550e8400-e29b-41d4-a716-446655440000';
const H = 'Host: a\r\n';
const service = useService();
let port: number;

beforeAll(async () => {
  await service.server.listen({ host: '127.0.0.1', port: 0 });
  port = (service.server.server.address() as { port: number }).port;
});

type Exchange = { text: string; statuses: number[]; closed: boolean; ms: number };

/** Sends the bytes as they are and gathers what comes back until the server closes, or is quiet for `quiet` ms once it has answered. */
const send = (bytes: string | Buffer | (string | Buffer)[], quiet = 400): Promise<Exchange> =>
  new Promise((resolve) => {
    const started = performance.now();
    let text = '';
    const socket = connect(port, '127.0.0.1');
    const end = (closed: boolean): void => {
      socket.destroy();
      const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
      resolve({ text, statuses, closed, ms: performance.now() - started });
    };
    socket.setTimeout(10_000, () => end(false));
    socket.on('data', (data) => {
      socket.setTimeout(quiet);
      text += data.toString('latin1');
    });
    socket.on('close', () => end(true));
    socket.on('error', () => {});
    for (const part of [bytes].flat()) socket.write(part);
  });

/** One answer, a problem document of this status, and then the connection is closed. */
const expectRefused = ({ text, statuses, closed }: Exchange, ...expected: number[]): void => {
  expect(statuses, text).toHaveLength(1);
  expect(expected).toContain(statuses[0]);
  expect(closed, text).toBe(true);
  expect(text).toContain('application/problem+json');
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const headers = new Headers(
    head
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(': ') as [string, string]),
  );
  expect(JSON.parse(body)).toMatchObject({ status: statuses[0], request_id: headers.get('x-request-id') });
  expect(Object.fromEntries(headers)).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'private, no-cache' });
  expect(headers.get('date')).toMatch(/GMT$/);
  expect(service.logs.some((line) => line.includes(`"request_id":"${headers.get('x-request-id')}"`))).toBe(true);
  expect(text.toLowerCase()).not.toMatch(/node|fastify|\/src\/|at \w+ \(/);
};

const smuggled = `GET /health/live HTTP/1.1\r\n${H}\r\n`;
const post = (headers: string, body: string) =>
  `POST /api/users HTTP/1.1\r\n${H}Content-Type: application/json\r\n${headers}\r\n${body}${smuggled}`;

describe('a request that two readers could read differently', () => {
  it.each<[what: string, bytes: string]>([
    ['Content-Length and Transfer-Encoding', post('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
    ['Transfer-Encoding and Content-Length', post('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', '0\r\n\r\n')],
    ['two Content-Lengths', post('Content-Length: 2\r\nContent-Length: 3\r\n', '{}')],
    ['two equal Content-Lengths', post('Content-Length: 2\r\nContent-Length: 2\r\n', '{}')],
    ['a list of Content-Lengths', post('Content-Length: 2, 2\r\n', '{}')],
    ['a negative Content-Length', post('Content-Length: -2\r\n', '{}')],
    ['a signed Content-Length', post('Content-Length: +2\r\n', '{}')],
    ['a hexadecimal Content-Length', post('Content-Length: 0x2\r\n', '{}')],
    ['a huge Content-Length', post('Content-Length: 99999999999999999999999\r\n', '{}')],
    ['an unknown Transfer-Encoding', post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n')],
    ['chunked twice', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '0\r\n\r\n')],
    ['a space before the colon', post('Content-Length : 2\r\n', '{}')],
    ['a folded header', post('X-A: b\r\n Content-Length: 2\r\n', '{}')],
    ['a bare line feed', `GET /health/live HTTP/1.1\nHost: a\n\n${smuggled}`],
    ['a bare carriage return', `GET /health/live HTTP/1.1\r\nHost: a\rX: b\r\n\r\n${smuggled}`],
    ['a NUL in a header', `GET /health/live HTTP/1.1\r\n${H}X: a\0b\r\n\r\n${smuggled}`],
    ['a header without a name', `GET /health/live HTTP/1.1\r\n${H}: b\r\n\r\n${smuggled}`],
    ['a space in a header name', `GET /health/live HTTP/1.1\r\n${H}X Y: b\r\n\r\n${smuggled}`],
    ['a chunk size that is no number', post('Transfer-Encoding: chunked\r\n', 'zz\r\n{}\r\n0\r\n\r\n')],
    ['a chunk size that is too large', post('Transfer-Encoding: chunked\r\n', 'ffffffffffffffffff\r\n{}\r\n0\r\n\r\n')],
    ['a chunk longer than its size', post('Transfer-Encoding: chunked\r\n', '2\r\n{}{}\r\n0\r\n\r\n')],
    ['an unknown method', `FOO /health/live HTTP/1.1\r\n${H}\r\n${smuggled}`],
    ['a method in small letters', `get /health/live HTTP/1.1\r\n${H}\r\n${smuggled}`],
    ['no method', `/health/live HTTP/1.1\r\n${H}\r\n${smuggled}`],
    ['another protocol', `GET /health/live SIP/2.0\r\n${H}\r\n${smuggled}`],
    ['another version', `GET /health/live HTTP/9.9\r\n${H}\r\n${smuggled}`],
    ['a space in the path', `GET /health/live x HTTP/1.1\r\n${H}\r\n${smuggled}`],
    ['a TLS handshake', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ])('is refused and the connection closed, so that nothing behind it is answered: %s', async (_, bytes) => {
    expectRefused(await send(bytes), 400);
  });

  it.each([
    ['two Host headers', 'GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n'],
    ['two equal Host headers', 'GET /health/live HTTP/1.1\r\nHost: a\r\nhost: a\r\n'],
    ['no Host header', 'GET /health/live HTTP/1.1\r\n'],
  ])('is refused: %s', async (_, head) => {
    expectRefused(await send(`${head}Connection: close\r\n\r\n`), 400);
  });
});

describe('a Host', () => {
  const withHost = (host: string, version = '1.1') =>
    send(Buffer.from(`GET /health/live HTTP/${version}\r\nHost:${host}\r\nConnection: close\r\n\r\n`, 'latin1'));

  it.each([
    ...['', ' ', ' a, b', ' a,b', ' a b', ' a\tb', ' x@y', ' x@y:99999', ' a:99999', ' a:65536', ' a:x', ' a:-1', ' a:80:80', ' a:+80'],
    ...[
      ' http://a',
      ' a/b',
      ' a?b',
      ' a#b',
      ' a\\b',
      ' a%00',
      ' %61',
      ' ::1',
      ' [::1',
      ' [::1]x',
      ' []',
      ' [::g]',
      ' [1.2.3.4]',
      ' [fe80::1%25eth0]',
    ],
    ...[' a\x01b', ' a\x7fb', ' \xff', ' <a>', ' "a"', ' :80', ` ${'a'.repeat(256)}`],
  ])('that no host is called is refused: %j', async (host) => {
    for (const version of ['1.1', '1.0']) expectRefused(await withHost(host, version), 400);
  });

  it.each([
    ' a',
    ' A.example.com',
    ' a:8000',
    ' a:',
    '\ta\t',
    ' my_service',
    ' 127.0.0.1:80',
    ' [::1]',
    ' [2001:DB8::1]:8443',
    ' example.com.',
  ])('that one may be called is taken: %j', async (host) => {
    expect((await withHost(host)).statuses).toEqual([200]);
  });
});

describe('a body in a coding that is not known', () => {
  it.each([
    'Transfer-Encoding: gzip, chunked\r\n',
    'Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n',
    'Transfer-Encoding: gzip, deflate, Chunked\r\n',
    'Transfer-Encoding: gzip;q=1, chunked\r\n',
    'Transfer-Encoding: identity, chunked\r\n',
  ])('is answered with 501 and the connection closed: %j', async (lines) => {
    expectRefused(await send(post(lines, '0\r\n\r\n')), 501);
  });

  it.each(['Transfer-Encoding: gzip\r\n', 'Transfer-Encoding: chunked, gzip\r\n', 'Transfer-Encoding: chunked, chunked\r\n'])(
    'is answered with 400 where not even its end is known: %j',
    async (lines) => {
      expectRefused(await send(post(lines, '0\r\n\r\n')), 400);
    },
  );

  it('is answered with 400 in HTTP/1.0, which knows none', async () => {
    expectRefused(await send(post('Transfer-Encoding: chunked\r\n', '0\r\n\r\n').replace('HTTP/1.1', 'HTTP/1.0')), 400);
  });
});

describe('a request to leave HTTP', () => {
  const upgrade = (path: string, lines: string, body: string) =>
    `GET ${path} HTTP/1.1\r\n${H}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${lines}\r\n${body}`;

  it.each([
    ['/ws', 'Content-Length: 4\r\n', 'abcd'],
    ['/ws', 'Transfer-Encoding: chunked\r\n', '0\r\n\r\n'],
    ['/ws/', 'Content-Length: 6\r\n', '\x81\x80abcd'],
    ['/health', 'Connection: close\r\nContent-Length: 4\r\n', 'abcd'],
  ])('has no body: %s with %j', async (path, lines, body) => {
    expectRefused(await send(upgrade(path, lines, body)), 400);
  });

  it('may say that it has none', async () => {
    expect((await send(upgrade('/ws', 'Content-Length: 0\r\n', ''))).statuses).toEqual([101]);
  });
});

describe('a request that is too large', () => {
  it('has a body of one byte too many, declared', async () => {
    const { text, statuses, closed } = await send(
      `POST /api/users HTTP/1.1\r\n${H}Content-Type: application/json\r\nContent-Length: 65537\r\n\r\n{`,
    );
    expect(statuses).toEqual([413]);
    expect(text).toContain('application/problem+json');
    expect(closed).toBe(true);
  });

  it('has a body of one byte too many, in chunks', async () => {
    const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`;
    const { text, statuses, closed } = await send(
      `POST /api/users HTTP/1.1\r\n${H}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(3)}`,
    );
    expect(statuses).toEqual([413]);
    expect(text).toContain('application/problem+json');
    expect(closed).toBe(true);
  });

  it.each([
    ['headers', `GET /health/live HTTP/1.1\r\n${H}X: ${'x'.repeat(17_000)}\r\n\r\n`],
    ['many headers', `GET /health/live HTTP/1.1\r\n${H}${'X: yyyy\r\n'.repeat(3_000)}\r\n`],
    ['an address', `GET /${'x'.repeat(17_000)} HTTP/1.1\r\n${H}\r\n`],
  ])('has %s over 16 KiB', async (_, bytes) => {
    expectRefused(await send(bytes), 431);
  });

  it('has a chunk extension without end', async () => {
    expectRefused(await send(post('Transfer-Encoding: chunked\r\n', `1;${'x'.repeat(20_000)}\r\n{\r\n0\r\n\r\n`)), 413);
  });
});

describe('a path is taken as it is sent', () => {
  const get = (path: string) => send(`GET ${path} HTTP/1.1\r\n${H}Connection: close\r\n\r\n`);

  it.each([
    [404, '/api/users/x/../../admin'],
    [404, `/api/users/../users/${ID}`],
    [404, '/docs/../.env'],
    [400, '/docs/%2e%2e/package.json'],
    [400, '/docs/%2e%2e/%2e%2e/package.json'],
    [404, '/docs/..%2f..%2fpackage.json'],
    [404, '//api/users'],
    [404, '/./health'],
    [404, '*'],
    [400, '/api/users/tasks/%2e%2e'],
    [400, '/api/users/%2e%2e'],
    [400, '/api/users/.'],
    [400, '/api/users/..'],
    [400, '/%'],
    [400, '/api/users/%ZZ'],
    [400, '/api/users/\xff'],
    [404, `/api/users/${ID}`],
    [404, `http://a/api/users/${ID}`],
    [404, `/api/users/${ID}/?`],
  ])('%i for %s', async (status, path) => {
    const answer = await get(path);
    expect(answer.statuses, answer.text).toEqual([status]);
    expect(answer.text).toContain('application/problem+json');
  });

  it.each(['http://elsewhere/health/live', 'HTTP://elsewhere:80/health/live', 'https://[::1]/health/live?'])(
    'and may be named in full, as to a proxy: %s',
    async (target) => {
      expect((await get(target)).statuses).toEqual([200]);
    },
  );

  // Gateways compare paths as they are written. Letters, digits and - . _ ~ have one spelling (RFC 3986, 2.3).
  it.each([
    '/%6Detrics',
    '/%6detric%73',
    '/metric%73?x=%41',
    '/%68ealth/live',
    `/api/users/${ID}/%65vents`,
    `/api/users/%35${ID.slice(1)}`,
    `/api/users/${ID.replace('-', '%2D')}`,
    '/api/users/tasks/%74ask',
    '/%64ocs',
    '/docs/%73calar.js',
    '/docs/scalar%2Ejs',
    '/problems/not%2Dfound',
    '/%77s',
    '/%6Fpenapi.json',
    '/nothing%7e',
    '/nothing%5F',
    'http://a/%6Detrics',
  ])('and its letters have one spelling: 400 for %s', async (path) => {
    const { statuses, text } = await get(path);
    expect(statuses).toEqual([400]);
    expect(text).toContain('"code":"malformed-request"');
  });

  it('but what has another meaning may be encoded, and in a query anything', async () => {
    const statuses = ['/health/live?%6D=%41', '/api%2Fusers', '/docs%3F', '/nothing%C3%A9'].map(async (path) => (await get(path)).statuses);
    expect(await Promise.all(statuses)).toEqual([[200], [404], [404], [404]]);
  });

  it.each([
    'http://a?/health/live',
    'http://a?x=/health/live',
    'http://user@a/health/live',
    'http://a:99999/health/live',
    'http:///health/live',
    'http://a,b/health/live',
    'ftp://a/health/live',
    '/health/live#x',
    '/health/live?#x',
  ])('and no target leads there in a roundabout way: %s', async (target) => {
    const { statuses } = await get(target);
    expect([[400], [404]]).toContainEqual(statuses);
  });
});

describe('expectations and methods', () => {
  it('answers an expectation that it does not know with a problem', async () => {
    expectRefused(await send(`GET /health/live HTTP/1.1\r\n${H}Expect: 200-ok\r\nConnection: close\r\n\r\n`), 417);
  });

  it.each([
    [417, `GET /health/live HTTP/1.1\r\n${H}Expect: 200-ok\r\nConnection: close\r\n\r\n`],
    [405, `TRACE /health/live HTTP/1.1\r\n${H}Connection: close\r\n\r\n`],
    [200, `GET /health/live HTTP/1.0\r\n\r\n`],
    [200, `GET /health/live HTTP/1.1\r\n${H}Upgrade: websocket\r\nConnection: upgrade, close\r\n\r\n`],
  ])('answers %i to %j', async (status, bytes) => {
    expect((await send(bytes)).statuses).toEqual([status]);
  });

  it('answers pipelined requests in order, a refused one among them', async () => {
    const one = (method: string, path: string) => `${method} ${path} HTTP/1.1\r\n${H}\r\n`;
    const { statuses } = await send(
      one('GET', '/health/live') + one('DELETE', '/health') + one('GET', `/api/users/${ID}`) + one('GET', '/health/live'),
    );
    expect(statuses).toEqual([200, 405, 404, 200]);
  });

  it('CONNECT is closed without an answer', async () => {
    expect(await send(`CONNECT example.com:443 HTTP/1.1\r\n${H}\r\n`)).toMatchObject({ statuses: [], closed: true });
  });
});

it('a client that sends its headers or its body too slowly hears 408 soon after the limits of 10 and 15 seconds', async () => {
  const http = service.server.server;
  expect(http).toMatchObject({ headersTimeout: 10_000, requestTimeout: 15_000 });
  // How often Node looks is fixed when the server is made; the limits are not, and shorter ones show that it does.
  Object.assign(http, { headersTimeout: 300, requestTimeout: 600 });
  const [headers, body] = await Promise.all([
    send('GET /health/live HTTP/1.1\r\nHost: a\r\nX: ', 20_000),
    send(`POST /api/users HTTP/1.1\r\n${H}Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{`, 20_000),
  ]);
  for (const late of [headers, body]) {
    expectRefused(late, 408);
    expect(late.ms).toBeLessThan(10_000);
  }
});
