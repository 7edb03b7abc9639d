import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { badFields, neverText } from '../fixtures/bad-values.ts';
import { created, expectProblem, userIn } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';

const service = useService();
let user: any;
let url: string;

beforeEach(async () => {
  user = await created(service, { bio: 'Builds bridges.' });
  url = `/api/users/${user.user_id}`;
});

const patch = (body: unknown, headers: Record<string, string> = {}) => service.request('PATCH', url, body, headers);
const read = async (): Promise<any> => (await service.request('GET', url, undefined, { 'cache-control': 'no-cache' })).body;
const history = async (): Promise<any[]> => (await service.request('GET', `${url}/events`)).body.items;

describe('a change of several fields', () => {
  it('is one append: events that follow each other, and the user after all of them', async () => {
    const answer = await patch({ username: { last_name: 'Smith' }, phone: null, bio: null, privacy_settings: { show_email: true } });
    expect(answer).toMatchObject({
      status: 200,
      headers: { etag: '"5"' },
      body: {
        username: { first_name: 'John', last_name: 'Smith' },
        email: user.email,
        phone: null,
        bio: null,
        privacy_settings: { ...user.privacy_settings, show_email: true },
        version: 5,
      },
    });
    expect(await read()).toEqual(answer.body);
    const events = (await history()).slice(1);
    expect(events.map(({ type }) => type.split('.')[2])).toEqual([
      'UserUsernameChanged',
      'UserPhoneChanged',
      'UserBioChanged',
      'UserPrivacySettingsChanged',
    ]);
    expect(new Set(events.map(({ time }) => time)).size).toBe(1);
    expect(events.map(({ position }) => Number(position) - Number(events[0].position))).toEqual([0, 1, 2, 3]);
  });

  it('is synchronous, the email address included, and takes effect at once', async () => {
    const email = `${randomUUID()}@example.com`;
    expect(await patch({ email })).toMatchObject({ status: 200, body: { email, version: 2 } });
    expect((await service.request('GET', `/api/users?email=${email}`)).body.items).toHaveLength(1);
  });

  it('takes effect whole or not at all', async () => {
    const other = await created(service);
    expectProblem(await patch({ bio: 'New', phone: other.phone }), 409, 'phone-taken', '/phone');
    expectProblem(await patch({ bio: 'New', email: other.email.toUpperCase() }), 409, 'email-taken', '/email');
    expectProblem(
      await patch({ bio: 'New', birth_date: '2099-01-01', language_code: 'x' }),
      422,
      'validation-failed',
      '/birth_date',
      '/language_code',
    );
    expectProblem(await patch({ bio: 'New', email: null, phone: null }), 422, 'contact-required', '/email', '/phone');
    expect(await read()).toEqual(user);
  });

  it('lets go of the addresses that it replaces, and lets two users swap what is theirs in two steps', async () => {
    const [email, phone] = [`${randomUUID()}@example.com`, '+12025550190'];
    await patch({ email, phone });
    const next = await created(service, { email: user.email, phone: user.phone });
    expectProblem(await patch({ email: next.email }), 409, 'email-taken');
    expect((await patch({ email: null })).status).toBe(200);
    expect((await service.request('PATCH', `/api/users/${next.user_id}`, { email })).status).toBe(200);
    expect((await patch({ email: user.email })).status).toBe(200);
  });

  it.each([{}, { username: {} }, { privacy_settings: {} }, { bio: 'Builds bridges.', phone: undefined }])(
    'appends nothing where nothing changes: %j',
    async (body) => {
      expect(await patch(body)).toMatchObject({ status: 200, headers: { etag: '"1"' }, body: user });
      expect(await history()).toHaveLength(1);
    },
  );

  it('holds to If-Match, Idempotency-Key and Prefer as every command does', async () => {
    expectProblem(await patch({ bio: 'A' }, { 'if-match': '"7"' }), 412, 'version-conflict');
    const headers = { 'idempotency-key': randomUUID() };
    const first = await patch({ bio: 'A', username: { last_name: 'B' } }, headers);
    await patch({ bio: 'C' });
    const replay = await patch({ username: { last_name: 'B' }, bio: 'A' }, headers);
    expect(replay).toMatchObject({ status: 200, body: first.body, headers: { etag: '"3"', 'idempotent-replayed': 'true' } });
    expectProblem(await patch({ bio: 'D' }, headers), 422, 'idempotency-key-reused');
    const task = await patch({ bio: 'E', language_code: 'de' }, { prefer: 'respond-async' });
    expect(task).toMatchObject({ status: 202, body: { command: 'update', status: 'queued' } });
    expect(await service.app.awaitTask(task.body.task_id, 10_000)).toMatchObject({ result_version: 6 });
    expect(await patch({ bio: 'F' }, { prefer: 'respond-async, wait=5' })).toMatchObject({ status: 200, body: { bio: 'F', version: 7 } });
  });

  it.each([
    ['blocked', 409, 'user-blocked'],
    ['deleted', 410, 'user-deleted'],
  ] as const)('is refused where the user is %s', async (state, status, code) => {
    url = `/api/users/${(await userIn(service, state)).user_id}`;
    expectProblem(await patch({ bio: 'A' }), status, code);
  });

  it.each(['application/merge-patch+json', 'application/json', 'Application/Merge-Patch+JSON; charset=utf-8'])(
    'is taken as %s',
    async (type) => {
      expect((await patch({ bio: 'Text' }, { 'content-type': type })).body.bio).toBe('Text');
    },
  );

  it.each(['application/json-patch+json', 'application/merge-patch', 'text/plain', 'application/merge-patch+json; charset=latin1'])(
    'is not taken as %s, and is told what is',
    async (type) => {
      const answer = await patch('{"bio": "Text"}', { 'content-type': type });
      expectProblem(answer, 415, 'unsupported-media-type');
      expect(answer.headers['accept-patch']).toBe('application/merge-patch+json, application/json');
    },
  );

  it('is the only body that may be called a merge patch', async () => {
    const answer = await service.request('PATCH', `${url}/bio`, { new_bio: 'A' }, { 'content-type': 'application/merge-patch+json' });
    expectProblem(answer, 415, 'unsupported-media-type');
  });

  it('has a body, which is an object of fields that may be changed', async () => {
    expectProblem(await patch(undefined), 400, 'malformed-json');
    for (const body of ['[]', 'null', '5', '"bio"'])
      expectProblem(await patch(body, { 'content-type': 'application/json' }), 422, 'validation-failed');
    const wrong = {
      user_id: user.user_id,
      status: 'inactive',
      version: 1,
      new_bio: 'A',
      username: null,
      privacy_settings: { show_email: null },
    };
    const pointers = ['/user_id', '/status', '/version', '/new_bio', '/username', '/privacy_settings/show_email'];
    expectProblem(await patch(wrong), 422, 'validation-failed', ...pointers);
    expectProblem(await service.request('PATCH', `${url}?bio=A`, {}), 422, 'validation-failed', '/bio');
  });

  it.each(badFields)('takes no value for $field that its own route does not take', async ({ field, bad }) => {
    for (const value of [...bad, ...neverText]) expectProblem(await patch({ [field]: value }), 422, 'validation-failed', `/${field}`);
  });
});
