import type { Static } from 'typebox';
import { describe, expect, it } from 'vitest';
import type { CommandName, commands } from '../../src/application/commands/index.ts';
import { rows } from '../../src/presentation/api/commands/rows.ts';
import { created, expectProblem } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';

const service = useService({ env: { LOG_LEVEL: 'trace', APP_ENV: 'production', AUTH_MODE: 'off-behind-gateway' } });

const lines = () => service.logs.map((line) => JSON.parse(line));

type Input<N extends CommandName> = Required<Static<(typeof commands)[N]['input']>>;

/** What a client can put into each command, each text a word of its own. A command or a field without one does not compile. */
const inputs: { [N in Exclude<CommandName, 'end_block'>]: Input<N> } = {
  create: {
    user_id: null,
    username: { first_name: 'Canaryfirst', last_name: 'Canarylast' },
    email: 'canary.mail@canary-domain.example',
    phone: '+79995550123',
    avatar_url: 'https://canary-cdn.example/canaryface.png',
    bio: 'Canarybio',
    birth_date: '1912-06-23',
    language_code: null,
    privacy_settings: null,
  },
  update: {
    username: { first_name: 'Canarythird', last_name: 'Canarywed' },
    email: 'canary.third@canary-domain.example',
    phone: '+79995550888',
    avatar_url: 'https://canary-cdn.example/canarythird.png',
    bio: 'Canarypatched',
    birth_date: '1914-08-25',
    language_code: 'fr',
    privacy_settings: { show_bio: false },
  },
  change_username: { first_name: 'Canaryrenamed', last_name: 'Canarymarried' },
  change_email: { new_email: 'canary.second@canary-domain.example' },
  change_phone: { new_phone: '+79995550777' },
  change_avatar_url: { new_avatar_url: 'https://canary-cdn.example/canaryother.png' },
  change_bio: { new_bio: 'Canaryquery' },
  change_date: { new_birth_date: '1913-07-24' },
  change_language_code: { new_language_code: 'de' },
  change_privacy_settings: { show_email: true } as Input<'change_privacy_settings'>,
  activate: {},
  deactivate: {},
  block: { reason: 'Canaryreason', until: null },
  unblock: {},
  record_profile_view: { viewer_id: '6ba7b810-9dad-41d1-80b4-00c04fd430c8', source: 'Canarysource' },
  delete: {},
};
const textsIn = (value: unknown): string[] =>
  typeof value === 'object' ? Object.values(value ?? {}).flatMap(textsIn) : typeof value === 'string' && value.length > 5 ? [value] : [];

/** What else a client can send. */
const canary = {
  key: 'canary-idempotency-key',
  body: 'Canarybadbody',
  query: 'canary_query_name',
  header: 'Canaryheader',
  path: 'canarypath',
  agent: 'CanaryAgent',
};

/** The word and the ways in which it could hide. */
const disguises = (word: string): string[] => [
  word,
  encodeURIComponent(word),
  Buffer.from(word).toString('base64').replace(/=+$/, ''),
  Buffer.from(word).toString('base64url'),
  Buffer.from(word).toString('hex'),
];

describe('the log', () => {
  it('holds nothing that a client sent, whatever way it was sent', async () => {
    let sent = 0;
    const headers = {
      referer: `https://x/${canary.header}`,
      cookie: canary.header,
      'user-agent': canary.agent,
      'x-forwarded-for': canary.header,
      authorization: `Bearer ${canary.header}`,
    };
    const send = (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown, more: Record<string, string> = {}) =>
      service.request(method, path, body, { 'idempotency-key': `${canary.key}-${++sent}`, ...headers, ...more });
    const { body: user } = await send('POST', '/api/users', inputs.create);
    const url = `/api/users/${user.user_id}`;

    // Every command, at once and as a task; by query string where it takes that; refused as well.
    for (const [name, input] of Object.entries(inputs)) {
      const row = rows[name as CommandName];
      if (row === 'internal' || name === 'create' || name === 'delete') continue;
      const path = row.url.replace(':user_id', user.user_id);
      await send(row.method, path, input, { prefer: 'wait=5' });
      await send(row.method, path, input, { prefer: 'respond-async' });
      await send(row.method, path, input, { 'if-match': `"${canary.header}"` });
      await send(row.method, path, { ...input, [canary.body]: canary.body });
      const [[field, value] = ['', '']] = Object.entries(input);
      if (field.startsWith('new_')) await send(row.method, `${path}?${field}=${encodeURIComponent(String(value))}`);
    }
    await send('PATCH', `${url}/email?new_email=${canary.body}`);
    await send('POST', '/api/users', inputs.create);
    await send('GET', `${url}/events`);

    // What cannot be taken at all.
    await send('POST', '/api/users', `{"${canary.body}`);
    await send('POST', '/api/users', { [canary.body]: canary.body, email: canary.body, username: canary.body });
    await send('POST', '/api/users', canary.body, { 'content-type': canary.header });
    await send('GET', `/api/users/${canary.path}?${canary.query}=${canary.body}`);
    await send('GET', `/${canary.path}/${encodeURIComponent(String(inputs.create.email))}?${canary.query}`);
    await send('GET', `/api/users/%ZZ${canary.path}`);
    await send('GET', `${url}?${canary.query}=%ff${canary.body}`);
    await send('GET', `/api/users/tasks/${canary.path}`);
    await send('GET', `/problems/${canary.path}`);
    await send('DELETE', '/health', undefined, { 'x-request-id': `${canary.header} ` });
    await send('DELETE', url);

    const log = service.logs.join('\n').toLowerCase();
    expect(service.logs.length).toBeGreaterThan(sent);
    const secrets = textsIn([inputs, canary]).filter((text) => text !== inputs.record_profile_view.viewer_id);
    for (const word of secrets)
      for (const text of disguises(word)) expect(log.includes(text.toLowerCase()), `${word} as ${text}`).toBe(false);
    expect(log).not.toMatch(/canary|idempotency|new_email=/);
  });

  it('is one JSON object a line, with time, level and message', () => {
    for (const line of service.logs) {
      expect(line.trimEnd()).not.toContain('\n');
      expect(JSON.parse(line)).toMatchObject({
        time: expect.stringMatching(/^\d{4}-.+Z$/),
        level: expect.stringMatching(/^[a-z]+$/),
        msg: expect.any(String),
      });
    }
  });

  it('has one line for each request, with its id, route, status, code and time; the id is in the answer', async () => {
    const { user_id } = await created(service);
    const answer = await service.request('PATCH', `/api/users/${user_id}/phone?new_phone=x`);
    expectProblem(answer, 422, 'validation-failed');
    const found = lines().filter((line) => line.request_id === answer.headers['x-request-id']);
    expect(found).toEqual([
      {
        level: 'info',
        time: expect.any(String),
        request_id: answer.body.request_id,
        method: 'PATCH',
        route: '/api/users/:user_id/phone',
        status: 422,
        code: 'validation-failed',
        ms: expect.any(Number),
        msg: 'request',
      },
    ]);
  });

  it.each([
    '550e8400-e29b-41d4-a716-446655440000',
    '550E8400-E29B-41D4-A716-446655440000',
    '01HZXW5T9V3E8Q2K7M4N6P0R1S',
    '01hzxw5t9v3e8q2k7m4n6p0r1s',
    '4bf92f3577b34da6a3ce929d0e0e4736',
  ])('keeps the X-Request-Id %s that came in', async (id) => {
    const answer = await service.request('GET', '/api/users/x', undefined, { 'x-request-id': id });
    expect(answer.headers['x-request-id']).toBe(id);
    expect(answer.body.request_id).toBe(id);
    expect(lines().some((line) => line.request_id === id)).toBe(true);
  });

  it.each([
    '',
    ' ',
    'a b',
    'abc',
    'john.doe',
    'Ivan_Petrov_1990-05-21',
    '79991234567',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    '4bf92f3577b34da6a3ce929d0e0e473',
    '4bf92f3577b34da6a3ce929d0e0e47366',
    '4bf92f3577b34da6a3ce929d0e0e473g',
    '{550e8400-e29b-41d4-a716-446655440000}',
    '550e8400-e29b-41d4-a716-44665544000',
    '550e8400e29b-41d4-a716-4466-55440000',
    '550e8400-e29b-41d4-a716-446655440000, 550e8400-e29b-41d4-a716-446655440000',
    '81HZXW5T9V3E8Q2K7M4N6P0R1S',
    '01HZXW5T9V3E8Q2K7M4N6P0R1',
    '01HZXW5T9V3E8Q2K7M4N6P0R1U',
    'x'.repeat(129),
    'a\r\nlevel=fatal',
    '{"level":"fatal"}',
    'ключ',
    '<script>',
    'a;b',
    'john@example.com',
    '+79991234567',
    '\u001b[31m',
  ])('replaces the X-Request-Id %j', async (id) => {
    const answer = await service.request('GET', '/health/live', undefined, { 'x-request-id': id });
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    expect(service.logs.join('')).not.toContain(`"request_id":${JSON.stringify(id)}`);
  });
});
