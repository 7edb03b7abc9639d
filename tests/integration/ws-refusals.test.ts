import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { created, expectProblem, userIn } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';
import { connectLive, liveUrl, refusal, subscribeLive } from '../fixtures/live-client.ts';

const ALLOWED = 'https://app.example.com';
const CLIENTS = 40;
const service = useService({ env: { ALLOWED_ORIGINS: ALLOWED }, liveFeed: { clients: CLIENTS, subscribeMs: 700 } });
let url: string;

beforeAll(async () => {
  url = await liveUrl(service);
});

describe('before the connection is a WebSocket', () => {
  it.each([
    'https://evil.example',
    `${ALLOWED}.evil.example`,
    'http://app.example.com',
    'null',
    `${ALLOWED}/`,
    `${ALLOWED}, ${ALLOWED}`,
    '',
  ])('a page of %j is refused with 403', async (origin) => {
    const { status, body } = await refusal(url, { headers: { origin } });
    expect({ status, code: body.code }).toEqual({ status: 403, code: 'origin-not-allowed' });
  });

  it('a page that is allowed, and a program without an origin, are let in', async () => {
    for (const headers of [{ origin: ALLOWED }, {}]) await (await connectLive(url, { headers })).close();
  });

  it('a query string is refused, and no part of it is logged', async () => {
    const { status, body } = await refusal(`${url}?token=canary-4711`);
    expect({ status, code: body.code, at: body.errors[0].pointer }).toEqual({ status: 422, code: 'validation-failed', at: '/token' });
    expect(service.logs.join('')).not.toContain('canary');
  });

  it.each(['/ws', '/ws/'])('a plain GET %s is told to upgrade', async (path) => {
    const answer = await service.request('GET', path);
    expectProblem(answer, 426, 'upgrade-required');
    expect(answer.headers.upgrade).toBe('websocket');
  });

  it('a request to change HTTP into something else is answered in HTTP, and the connection goes on', async () => {
    const { port } = new URL(url);
    const upgrade = (path: string, to: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${to}\r\n\r\n`;
    const answers = await talk(Number(port), [upgrade('/health/live', 'h2c'), upgrade('/health', 'websocket'), upgrade('/ws', 'h2c')]);
    expect(answers).toEqual([200, 200, 426]);
  });

  it.each([
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short',
    'Sec-WebSocket-Version: 12\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: a,,b',
  ])('a handshake that is none (%j) is answered with a problem document', async (lines) => {
    const { port } = new URL(url);
    const request = `GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${lines}\r\n\r\n`;
    expect(await talk(Number(port), [request])).toEqual([400]);
  });

  it('one client too many is refused with 503, and let in once another has gone', async () => {
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connectLive(url)));
    const { status, headers, body } = await refusal(url);
    expect({ status, code: body.code, retry: headers['retry-after'] }).toEqual({ status: 503, code: 'overloaded', retry: '1' });
    await Promise.all(clients.map((client) => client.close()));
    await (await connectLive(url)).close();
  });
});

describe('a message', () => {
  const problemOf = async (message: unknown): Promise<any> => {
    const client = await connectLive(url);
    client.send(message);
    const { op, problem } = await client.next();
    expect(op).toBe('error');
    expect(problem).toMatchObject({ type: `/problems/${problem.code}`, request_id: expect.any(String) });
    // The connection is as good as before.
    client.send({ op: 'subscribe' });
    expect(await client.next()).toMatchObject({ op: 'subscribed' });
    await client.close();
    return problem;
  };

  it.each([
    ['{', 'malformed-json'],
    ['', 'malformed-json'],
    ['{"op":"subscribe","op":"subscribe"}', 'duplicate-key'],
    ['['.repeat(50) + ']'.repeat(50), 'too-deep'],
  ])('%j that is no good JSON gets an error', async (message, code) => {
    expect((await problemOf(message)).code).toBe(code);
  });

  it.each([
    [[], ''],
    [{}, '/op'],
    [{ op: 'unsubscribe' }, '/op'],
    [{ op: 'subscribe', topic: 'users' }, '/topic'],
    [{ op: 'subscribe', user_id: 'john' }, '/user_id'],
    [{ op: 'subscribe', user_id: '00000000-0000-0000-0000-000000000000' }, '/user_id'],
    [{ op: 'subscribe', user_id: null }, '/user_id'],
    [{ op: 'subscribe', after: 0 }, '/after'],
    [{ op: 'subscribe', after: '' }, '/after'],
    [{ op: 'subscribe', after: '-1' }, '/after'],
    [{ op: 'subscribe', after: '007' }, '/after'],
    [{ op: 'subscribe', after: '1e3' }, '/after'],
    [{ op: 'subscribe', after: '999999999' }, '/after'],
    [{ op: 'subscribe', after: '99999999999999999999' }, '/after'],
  ])('%j gets an error that names %j', async (message, pointer) => {
    const problem = await problemOf(message);
    expect(problem).toMatchObject({ code: 'validation-failed', status: 422 });
    expect(problem.errors.map((error: { pointer: string }) => error.pointer)).toEqual([pointer]);
  });

  it('about a user who is not there, or no longer, gets that error', async () => {
    expect((await problemOf({ op: 'subscribe', user_id: randomUUID() })).code).toBe('user-not-found');
    const { user_id } = await userIn(service, 'deleted');
    expect((await problemOf({ op: 'subscribe', user_id })).code).toBe('user-deleted');
  });

  it('that subscribes a second time gets an error, and the first subscription goes on', async () => {
    const client = await subscribeLive(url);
    client.send({ op: 'subscribe' });
    expect(await client.next()).toMatchObject({ op: 'error', problem: { code: 'already-subscribed', status: 409 } });
    const { user_id } = await created(service);
    expect(await client.next()).toMatchObject({ subject: user_id });
    await client.close();
  });

  it.each([
    ['in binary', 1003, (send: Send) => send(Buffer.from('{"op":"subscribe"}'), { binary: true })],
    ['over 16 KiB', 1009, (send: Send) => send(JSON.stringify({ op: 'x'.repeat(16 * 1024) }), {})],
    [
      'in fragments that are over 16 KiB together',
      1009,
      (send: Send) => {
        for (let part = 0; part < 5; part++) send('x'.repeat(4_000), { fin: false });
      },
    ],
    ['that is not UTF-8', 1007, (send: Send) => send(Buffer.from([0xc3, 0x28]), { binary: false })],
    [
      'too many in a second',
      1008,
      (send: Send) => {
        for (let message = 0; message < 21; message++) send('{}', {});
      },
    ],
  ])('%s closes the connection with %i', async (_, code, act) => {
    const client = await connectLive(url);
    act((data, options) => client.socket.send(data, options));
    expect(await client.closed).toBe(code);
  });

  it('of pings, too many in a second, closes the connection with 1008', async () => {
    const client = await connectLive(url);
    for (let ping = 0; ping < 21; ping++) client.socket.ping();
    expect(await client.closed).toBe(1008);
  });

  it('that never comes closes the connection with 1008; a subscription that failed is none', async () => {
    const [silent, wrong, right] = [await connectLive(url), await connectLive(url), await subscribeLive(url)];
    wrong.send({ op: 'subscribe', user_id: randomUUID() });
    expect(await Promise.all([silent.closed, wrong.closed])).toEqual([1008, 1008]);
    expect(right.socket.readyState).toBe(right.socket.OPEN);
    await right.close();
  });
});

type Send = (data: Buffer | string, options: { binary?: boolean; fin?: boolean }) => void;

/** Sends requests over one connection, each after the answer to the one before. @returns their statuses */
const talk = (port: number, requests: string[]): Promise<number[]> =>
  new Promise((resolve, reject) => {
    const statuses: number[] = [];
    const socket = connect(port, '127.0.0.1', () => socket.write(requests[0] ?? ''));
    socket.on('error', reject);
    socket.on('data', (data) => {
      const text = String(data);
      expect(/problem\+json/.test(text)).toBe(!text.startsWith('HTTP/1.1 200'));
      statuses.push(Number(text.split(' ')[1]));
      if (statuses.length < requests.length) return void socket.write(requests[statuses.length] ?? '');
      socket.destroy();
      resolve(statuses);
    });
  });
