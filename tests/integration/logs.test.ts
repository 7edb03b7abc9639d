import { describe, expect, it } from 'vitest';
import { created, expectProblem } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';

const service = useService({ env: { LOG_LEVEL: 'trace', APP_ENV: 'production', AUTH_MODE: 'off-behind-gateway' } });

const lines = () => service.logs.map((line) => JSON.parse(line));

/** Every place where a client can put something personal, each with a word of its own. */
const canary = {
  first_name: 'Canaryfirst',
  last_name: 'Canarylast',
  email: 'canary.mail@canary-domain.example',
  phone: '+79995550123',
  avatar_url: 'https://canary-cdn.example/canaryface.png',
  bio: 'Canarybio',
  birth_date: '1912-06-23',
  reason: 'Canaryreason',
  new_email: 'canary.second@canary-domain.example',
  new_phone: '+79995550777',
  new_bio: 'Canaryquery',
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
    const { first_name, last_name, email, phone, avatar_url, bio, birth_date } = canary;
    const { body: user } = await send('POST', '/api/users', {
      username: { first_name, last_name },
      email,
      phone,
      avatar_url,
      bio,
      birth_date,
    });
    const url = `/api/users/${user.user_id}`;

    // Changes, by query string and body, refused and taken, at once and as tasks.
    await send('PATCH', `${url}/email?new_email=${encodeURIComponent(canary.new_email)}`, undefined, { prefer: 'wait=5' });
    await send('PATCH', `${url}/phone?new_phone=${encodeURIComponent(canary.new_phone)}`);
    await send('PATCH', `${url}/bio?new_bio=${canary.new_bio}`, undefined, { prefer: 'respond-async' });
    await send('PATCH', `${url}/email?new_email=${canary.body}`);
    await send('POST', '/api/users', { username: { first_name }, email: canary.new_email });
    await send('POST', `${url}/block`, { reason: canary.reason });
    await send('GET', `${url}/events`);
    await send('PATCH', `${url}/bio`, { new_bio: canary.bio }, { 'if-match': `"${canary.header}"` });

    // What cannot be taken at all.
    await send('POST', '/api/users', `{"${canary.body}`);
    await send('POST', '/api/users', { [canary.body]: canary.body, email: canary.body, username: canary.body });
    await send('POST', '/api/users', canary.body, { 'content-type': canary.header });
    await send('GET', `/api/users/${canary.path}?${canary.query}=${canary.body}`);
    await send('GET', `/${canary.path}/${encodeURIComponent(canary.email)}?${canary.query}`);
    await send('GET', `/api/users/%ZZ${canary.path}`);
    await send('GET', `${url}?${canary.query}=%ff${canary.body}`);
    await send('GET', `/api/users/tasks/${canary.path}`);
    await send('GET', `/problems/${canary.path}`);
    await send('DELETE', '/health', undefined, { 'x-request-id': `${canary.header} ` });
    await send('DELETE', url);

    const log = service.logs.join('\n').toLowerCase();
    expect(service.logs.length).toBeGreaterThan(sent);
    for (const [place, word] of Object.entries(canary))
      for (const text of disguises(word)) expect(log.includes(text.toLowerCase()), `${place} as ${text}`).toBe(false);
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

  it('has one line for each request, with its id, route, status and time; the id is in the answer', async () => {
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
        ms: expect.any(Number),
        msg: 'request',
      },
    ]);
  });

  it.each(['abc', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', 'a.b:c_d-e', 'x'.repeat(128)])(
    'keeps the X-Request-Id %s that came in',
    async (id) => {
      const answer = await service.request('GET', '/api/users/x', undefined, { 'x-request-id': id });
      expect(answer.headers['x-request-id']).toBe(id);
      expect(answer.body.request_id).toBe(id);
      expect(lines().some((line) => line.request_id === id)).toBe(true);
    },
  );

  it.each([
    '',
    ' ',
    'a b',
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
