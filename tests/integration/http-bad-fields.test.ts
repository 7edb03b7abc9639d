import { beforeAll, describe, expect, it } from 'vitest';
import { badFields, badText, neverText } from '../fixtures/bad-values.ts';
import { aUser, commandsOnUser, created, expectProblem } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';

const service = useService();
let url: string;

beforeAll(async () => {
  url = `/api/users/${(await created(service)).user_id}`;
});

const create = (field: string, value: unknown) => service.request('POST', '/api/users', aUser({ [field]: value }));

describe.each(badFields)('$field', ({ field, path, bad }) => {
  it.each([...bad, ...neverText])('does not take %j when created or changed', async (value) => {
    expectProblem(await create(field, value), 422, 'validation-failed', `/${field}`);
    const change = await service.request('PATCH', `${url}${path}`, { [`new_${field}`]: value });
    expectProblem(change, 422, 'validation-failed', `/new_${field}`);
    const texts = [value].flat().filter((text): text is string => typeof text === 'string' && text.length > 5);
    for (const text of texts) expect(change.text).not.toContain(text.slice(0, 60));
  });

  it('does not take nothing, nor the same bad texts from the query string', async () => {
    expectProblem(await service.request('PATCH', `${url}${path}`), 422, 'validation-failed', `/new_${field}`);
    for (const value of bad as string[]) {
      if (value.length > 3_000 || (field === 'phone' && value.startsWith(' +')) || (field === 'email' && value.includes(' '))) continue;
      const answer = await service.request('PATCH', `${url}${path}?new_${field}=${encodeURIComponent(value)}`);
      expectProblem(answer, 422, 'validation-failed', `/new_${field}`);
    }
  });
});

describe('a name', () => {
  it.each([...badText, ...neverText, null])('is not %j', async (first_name) => {
    expectProblem(await create('username', { first_name }), 422, 'validation-failed', '/username/first_name');
    expectProblem(await service.request('PATCH', `${url}/username`, { first_name }), 422, 'validation-failed', '/first_name');
  });

  it.each([
    "O'Brien",
    'Nguyễn',
    '李',
    'van der Berg-Ñ',
    'X Æ A-12',
    'Анна-Мария',
    'محمد',
    'की',
    'ರಮೇಶ್\u200C',
    'လျှို့',
    '\uFA19谷',
    'Taεrabt',
    'Çеспĕл',
    'Сослæн',
    '=HYPERLINK("x")',
    '+1',
    '@x',
    '<img onerror=x>',
    '$\u007bjndi:ldap://x}',
    '{{7*7}}',
    '%s%n',
    "'; drop table users; --",
  ])('may be %s, and comes back as it was sent', async (first_name) => {
    const answer = await service.request('POST', '/api/users', aUser({ username: { first_name } }));
    expect(answer).toMatchObject({ status: 201, body: { username: { first_name, last_name: null } } });
  });
});

describe('an id in a body', () => {
  it.each([
    '',
    'x',
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    '550e8400e29b41d4a716446655440000',
    '{550e8400-e29b-41d4-a716-446655440000}',
    'urn:uuid:550e8400-e29b-41d4-a716-446655440000',
    '550e8400-e29b-41d4-a716-44665544000g',
    ' 550e8400-e29b-41d4-a716-446655440000',
    '550e8400-e29b-41d4-a716-446655440000\n',
    ...neverText,
  ])('is not %j', async (user_id) => {
    expectProblem(await create('user_id', user_id), 422, 'validation-failed', '/user_id');
  });
});

describe('privacy settings', () => {
  it.each([
    ['profile_visibility', 'friends'],
    ['profile_visibility', 'Everyone'],
    ['profile_visibility', true],
    ['profile_visibility', null],
    ['show_email', 'true'],
    ['show_email', 1],
    ['show_email', null],
    ['show_bio', []],
    ['constructor', true],
    ['prototype', {}],
    ['toString', 1],
    ['hasOwnProperty', false],
    ['', true],
    ['show_email ', true],
    ['a/b~c', true],
  ])('do not take %s: %j', async (key, value) => {
    const pointer = `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    expectProblem(await service.request('PATCH', `${url}/privacy-settings`, { [key]: value }), 422, 'validation-failed', pointer);
    expectProblem(await create('privacy_settings', { [key]: value }), 422, 'validation-failed', `/privacy_settings${pointer}`);
  });

  it('do not take 100 unknown keys, and name twenty of them; of more, the number is enough', async () => {
    const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, 1]));
    const answer = await service.request('PATCH', `${url}/privacy-settings`, keys(100));
    expectProblem(answer, 422, 'validation-failed');
    expect(answer.body.errors).toHaveLength(20);
    for (const body of [keys(101), keys(5_000), { show_bio: Array(101).fill(1) }, { a: keys(50), b: keys(50) }]) {
      expect((await service.request('PATCH', `${url}/privacy-settings`, body)).body.errors).toEqual([
        expect.objectContaining({ pointer: '', code: 'too-many-fields' }),
      ]);
    }
    const query = new URLSearchParams(Object.keys(keys(101)).map((key): [string, string] => [key, '1']));
    expectProblem(await service.request('GET', `/api/users?${query}`), 422, 'validation-failed', '');
  });
});

describe('a block', () => {
  it.each([
    ['until', '2020-01-01T00:00:00Z'],
    ['until', '2099-01-31'],
    ['until', '2099-02-30T00:00:00Z'],
    ['until', '2099-01-31T12:00:00'],
    ['until', '2099-01-31T25:00:00Z'],
    ['until', 'tomorrow'],
    ['until', 4_102_444_800],
    ['until', ''],
    ['until', '+275760-09-13T00:00:00Z'],
    ['until', '2099-01-31T12:00:00+99:99'],
    ['until', `2099-01-31T12:00:00.${'0'.repeat(50_000)}Z`],
    ['until', []],
    ['reason', 5],
    ['reason', ''],
    ['reason', 'x'.repeat(501)],
    ['reason', '\u202e'],
    ['reason', {}],
    ['blocked_at', '2020-01-01T00:00:00Z'],
    ['status', 'active'],
  ])('does not take %s: %j', async (key, value) => {
    expectProblem(await service.request('POST', `${url}/block`, { [key]: value }), 422, 'validation-failed', `/${key}`);
  });
});

describe('every body', () => {
  const routes = [{ method: 'POST' as const, url: '/api/users', body: aUser() }, ...commandsOnUser.map((route) => ({ ...route, url: '' }))];

  it.each(routes)('of $method $url$path is closed: no field that the client must not set', async (route) => {
    const target = route.url || url + (route as { path?: string }).path;
    for (const field of [
      'role',
      'status',
      'version',
      'created_at',
      'blocked',
      'email_key',
      'constructor',
      'user id',
      'New_Email',
      'x'.repeat(5_000),
      'ключ',
      '~/',
    ]) {
      const answer = await service.request(route.method, target, { ...route.body, [field]: 'admin' });
      const pointer = `/${field.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1')}`;
      expectProblem(answer, 422, 'validation-failed', pointer);
      expect(answer.body.errors[0].code).toBe('unknown-field');
      expect(answer.text.length).toBeLessThan(1_000);
    }
  });

  it('is told all its mistakes at once', async () => {
    const answer = await service.request('POST', '/api/users', {
      username: { last_name: 5 },
      email: 'x',
      phone: 'y',
      role: 'admin',
      bio: ['x'],
    });
    expectProblem(answer, 422, 'validation-failed');
    const pointers = answer.body.errors.map(({ pointer }: { pointer: string }) => pointer);
    expect(pointers.sort()).toEqual(['/bio', '/email', '/phone', '/role', '/username/first_name', '/username/last_name']);
  });

  it('needs what is required', async () => {
    expectProblem(await service.request('POST', '/api/users', {}), 422, 'validation-failed', '/username');
    expectProblem(await service.request('POST', '/api/users', { username: {} }), 422, 'validation-failed', '/username/first_name');
    expectProblem(
      await service.request('POST', '/api/users', { username: { first_name: 'J' } }),
      422,
      'contact-required',
      '/email',
      '/phone',
    );
    expectProblem(await create('username', null), 422, 'validation-failed', '/username');
    for (const path of ['username', 'privacy-settings'])
      expectProblem(await service.request('PATCH', `${url}/${path}`, {}), 422, 'validation-failed', '');
  });
});

it('none of it has changed anything', async () => {
  expect((await service.request('GET', url)).body.version).toBe(1);
});
