import { beforeAll, describe, expect, it } from 'vitest';
import { commandsOnUser, created, expectProblem } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';

const service = useService();
let url: string;

beforeAll(async () => {
  url = `/api/users/${(await created(service)).user_id}`;
});

describe('a body', () => {
  it.each<[body: string | Buffer, status: number, code: string]>([
    ['{"a":', 400, 'malformed-json'],
    ['', 400, 'malformed-json'],
    [' ', 400, 'malformed-json'],
    ['undefined', 400, 'malformed-json'],
    ['NaN', 400, 'malformed-json'],
    ["{'a':1}", 400, 'malformed-json'],
    ['{"a":1,}', 400, 'malformed-json'],
    ['{"a":1}{"b":2}', 400, 'malformed-json'],
    ['{"a":01}', 400, 'malformed-json'],
    ['{"a":"\n"}', 400, 'malformed-json'],
    ['/* x */{}', 400, 'malformed-json'],
    ['\ufeff{}', 400, 'malformed-json'],
    ['new_bio=x', 400, 'malformed-json'],
    ['{"__proto__":{"polluted":1}}', 400, 'malformed-json'],
    ['{"\\u005f_proto__":{"polluted":1}}', 400, 'malformed-json'],
    ['{"username":{"__proto__":null}}', 400, 'malformed-json'],
    ['{"constructor":{"prototype":{"polluted":1}}}', 400, 'malformed-json'],
    ['{"constructor":{"\\u0070rototype":1}}', 400, 'malformed-json'],
    ['{"email":"a","email":"b"}', 400, 'duplicate-key'],
    ['{"a":1,"\\u0061":1}', 400, 'duplicate-key'],
    ['{"username":{"x":"\\":","x":1}}', 400, 'duplicate-key'],
    ['{"a":[{"b":1,"b":1}]}', 400, 'duplicate-key'],
    [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 400, 'invalid-utf8'],
    [Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 400, 'invalid-utf8'],
    [Buffer.from([0x22, 0xc0, 0x80, 0x22]), 400, 'invalid-utf8'],
    [Buffer.from('{}', 'utf16le'), 400, 'malformed-json'],
    ['['.repeat(60_000), 400, 'malformed-json'],
    ['['.repeat(17) + ']'.repeat(17), 400, 'too-deep'],
    [`${'['.repeat(32_000)}${']'.repeat(32_000)}`, 400, 'too-deep'],
    [`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`, 400, 'too-deep'],
    ['[]', 422, 'validation-failed'],
    ['"x"', 422, 'validation-failed'],
    ['null', 422, 'validation-failed'],
    ['5', 422, 'validation-failed'],
    ['true', 422, 'validation-failed'],
    ['1e999', 422, 'validation-failed'],
    ['9'.repeat(60_000), 422, 'validation-failed'],
    ['{"bio":"\\u0000"}', 422, 'validation-failed'],
    ['{"bio":"\\ud800"}', 422, 'validation-failed'],
    ['{"\\ud800":1}', 422, 'validation-failed'],
    ['{"a\\u0000":1}', 422, 'validation-failed'],
    [`{"${'x'.repeat(60_000)}\\u0000":1}`, 422, 'validation-failed'],
    [`{"username":{"first_name":"x"},"bio":"${'x'.repeat(65_536)}"}`, 413, 'payload-too-large'],
  ])('%j answers %i %s', async (body, status, code) => {
    const answer = await service.request('POST', '/api/users', body);
    expectProblem(answer, status, code);
    expect(answer.text.length).toBeLessThan(3_000);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('names the place of what a database cannot keep', async () => {
    const body = '{"bio":"\\u0000","username":{"first_name":"\\udfff"},"a~/\\ud800":1}';
    expectProblem(
      await service.request('POST', '/api/users', body),
      422,
      'validation-failed',
      '/bio',
      '/username/first_name',
      '/a~0~1\ufffd',
    );
  });

  it('of exactly 64 KiB is read, one byte more is not', async () => {
    const body = (size: number) => JSON.stringify({ new_bio: 'x'.repeat(size - '{"new_bio":""}'.length) });
    expectProblem(await service.request('PATCH', `${url}/bio`, body(65_536)), 422, 'validation-failed', '/new_bio');
    expectProblem(await service.request('PATCH', `${url}/bio`, body(65_537)), 413, 'payload-too-large');
  });

  it.each(commandsOnUser)('of $method $path is an object, whatever else is null, a list or a text', async ({ method, path }) => {
    for (const body of ['null', '[]', '"x"', '0', 'false'])
      expectProblem(await service.request(method, url + path, body), 422, 'validation-failed', '');
    expectProblem(await service.request(method, url + path, '{'), 400, 'malformed-json');
  });

  it('of GET is not looked at', async () => {
    for (const body of ['{', Buffer.from([0xff]), { a: 1 }]) expect((await service.request('GET', url, body)).status).toBe(200);
  });
});

describe('a content type', () => {
  const send = (type: string, more: Record<string, string> = {}) =>
    service.request('PATCH', `${url}/bio`, '{"new_bio":"x"}', { 'content-type': type, ...more });

  it.each([
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'application/json; charset="utf-8"',
    ' application/json ',
  ])('%j is read', async (type) => {
    expect((await send(type)).status).toBe(200);
  });

  it.each([
    '',
    'text/plain',
    'text/json',
    'application/xml',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json\ta',
    'application/jsonx',
    'application/json, text/plain',
    'application/json; charset=utf-16',
    'application/json; charset=latin1',
    'application/json; charset = utf-16',
    'application/json; charset=utf-8; charset=utf-16',
    'application/ld+json',
    'application/merge-patch+json',
    'json',
    '*/*',
    ';',
    'x'.repeat(5_000),
  ])('%j is not', async (type) => {
    expectProblem(await send(type), 415, 'unsupported-media-type');
  });

  it.each(['gzip', 'identity', 'br', '', 'x'])('with Content-Encoding %j is not', async (encoding) => {
    expectProblem(await send('application/json', { 'content-encoding': encoding }), 415, 'unsupported-media-type');
  });
});
