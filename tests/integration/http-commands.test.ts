import { expect, test } from 'vitest';
import { onEachDatabase } from '../fixtures/database-kinds.ts';
import { aUser, created, expectProblem } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';
import { until } from '../fixtures/until.ts';

const V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const wait = { prefer: 'wait=5' };

onEachDatabase('commands over HTTP', (make) => {
  const service = useService({ make });

  test('create takes every field, and every field is in the answer', async () => {
    const body = {
      user_id: '550E8400-E29B-11D4-A716-446655440000',
      username: { first_name: 'X Æ A-12', last_name: 'van der Berg-Ñ' },
      email: 'John.Doe+tag@EXAMPLE.com',
      phone: '+7 999 123-45-67',
      language_code: 'PT-br',
      avatar_url: 'https://cdn.example.com/john.png',
      bio: 'Builds bridges.\nAnd 👩‍🚀.',
      birth_date: '1990-05-21',
      privacy_settings: { show_email: true },
    };
    const { status, body: user, headers } = await service.request('POST', '/api/users/', body);
    expect(status).toBe(201);
    expect(headers).toMatchObject({ location: '/api/users/550e8400-e29b-11d4-a716-446655440000', etag: '"1"' });
    const { created_at, updated_at, ...rest } = user;
    expect(rest).toEqual({
      ...body,
      user_id: '550e8400-e29b-11d4-a716-446655440000',
      email: 'John.Doe+tag@example.com',
      phone: '+79991234567',
      language_code: 'pt-BR',
      status: 'active',
      blocked: null,
      privacy_settings: {
        profile_visibility: 'everyone',
        show_email: true,
        show_phone: false,
        show_birth_date: false,
        show_profile_views: false,
        show_bio: true,
        allow_search: true,
      },
      version: 1,
    });
    expect(created_at).toMatch(RFC_3339);
    expect(updated_at).toBe(created_at);
  });

  test('create makes a UUIDv7 and takes English where the client names none; null is absent', async () => {
    const nulls = {
      user_id: null,
      phone: null,
      language_code: null,
      avatar_url: null,
      bio: null,
      birth_date: null,
      privacy_settings: null,
    };
    const user = await created(service, { ...nulls, username: { first_name: '李', last_name: null } });
    expect(user.user_id).toMatch(V7);
    expect(user).toMatchObject({ language_code: 'en', phone: null, avatar_url: null, bio: null, birth_date: null });
    expect(user.username).toEqual({ first_name: '李', last_name: null });
  });

  test('create refuses a taken id, email address (in any case) or phone number', async () => {
    const { user_id, email, phone } = await created(service);
    const create = (fields: object) => service.request('POST', '/api/users', aUser(fields));
    expectProblem(await create({ user_id: user_id.toUpperCase() }), 409, 'user-exists');
    expectProblem(await create({ email: email.toUpperCase() }), 409, 'email-taken', '/email');
    expectProblem(await create({ phone: phone.replace('+7', '+7 ') }), 409, 'phone-taken', '/phone');
  });

  const singles: [path: string, field: string, value: string, query?: string, stored?: string][] = [
    ['phone', 'phone', '+79991110001', 'new_phone=+7-999-111-0001'],
    ['phone', 'phone', '+79991110001', 'new_phone=%2B79991110001'],
    ['email', 'email', 'a+b@example.com', 'new_email=a+b@example.com'],
    ['email', 'email', 'a+b@example.com', 'new_email=a%2Bb%40EXAMPLE.com'],
    ['avatar-url', 'avatar_url', 'https://cdn.example.com/a.png?x=1', 'new_avatar_url=https://cdn.example.com/a.png?x=1'],
    ['bio', 'bio', 'Builds + paints', 'new_bio=Builds+%2B%20paints'],
    ['birth-date', 'birth_date', '2000-02-29'],
    ['language-code', 'language_code', 'zh-Hant-TW'],
  ];

  test.each(singles)('%s is changed by JSON body and by query string (%s = %s)', async (path, field, value, query) => {
    const forms = [
      { url: '', body: { [`new_${field}`]: value } },
      { url: `?${query ?? `new_${field}=${value}`}`, body: undefined },
    ];
    for (const { url, body } of forms) {
      const { user_id } = await created(service);
      const answer = await service.request('PATCH', `/api/users/${user_id}/${path}/${url}`, body, wait);
      expect(answer.status, answer.text).toBe(200);
      expect(answer.body).toMatchObject({ [field]: value, version: 2 });
      expect(answer.headers.etag).toBe('"2"');
      const again = await service.request('PATCH', `/api/users/${user_id.toUpperCase()}/${path}${url}`, body, wait);
      expect(again.body).toEqual(answer.body);
      await service.request('DELETE', `/api/users/${user_id}`);
    }
  });

  test('username and privacy settings are merged', async () => {
    const { user_id } = await created(service);
    const change = (path: string, body: object) => service.request('PATCH', `/api/users/${user_id}/${path}`, body);
    expect((await change('username', { first_name: 'Jane' })).body.username).toEqual({ first_name: 'Jane', last_name: 'Doe' });
    expect((await change('username', { last_name: null })).body.username).toEqual({ first_name: 'Jane', last_name: null });
    await change('privacy-settings', { profile_visibility: 'nobody', show_bio: false });
    const { body } = await change('privacy-settings', { allow_search: false });
    expect(body.privacy_settings).toMatchObject({ profile_visibility: 'nobody', show_bio: false, allow_search: false, show_email: false });
    expect(body.version).toBe(5);
  });

  test('null clears what may be empty and is refused elsewhere', async () => {
    const user = await created(service, { avatar_url: 'https://a.example/1', bio: 'x', birth_date: '1990-05-21' });
    const change = (path: string, body: object) => service.request('PATCH', `/api/users/${user.user_id}/${path}`, body, wait);
    for (const field of ['avatar_url', 'bio', 'birth_date', 'phone'])
      expect((await change(field.replace('_', '-'), { [`new_${field}`]: null })).body[field]).toBeNull();
    expectProblem(await change('email', { new_email: null }), 422, 'contact-required', '/new_email');
    expectProblem(await change('language-code', { new_language_code: null }), 422, 'validation-failed', '/new_language_code');
    expectProblem(await change('username', { first_name: null }), 422, 'validation-failed', '/first_name');
    expectProblem(await change('privacy-settings', { show_bio: null }), 422, 'validation-failed', '/show_bio');
    expect((await change('phone', { new_phone: user.phone })).status).toBe(200);
    expect((await change('email', { new_email: null })).body.email).toBeNull();
    expectProblem(await change('phone', { new_phone: null }), 422, 'contact-required', '/new_phone');
  });

  test('an address or number that was given up or whose user was deleted is free again', async () => {
    const first = await created(service);
    await service.request('PATCH', `/api/users/${first.user_id}/phone`, { new_phone: null });
    const second = await created(service, { phone: first.phone });
    await service.request('DELETE', `/api/users/${second.user_id}`);
    await created(service, { phone: first.phone, email: second.email });
  });

  test('a block keeps reason and end, and ends by itself in time', async () => {
    const { user_id } = await created(service);
    const block = (body: object) => service.request('POST', `/api/users/${user_id}/block`, body);
    expect((await block({ reason: 'Spam', until: '2099-01-31T15:00:00+03:00' })).body.blocked).toMatchObject({
      reason: 'Spam',
      until: '2099-01-31T12:00:00.000Z',
    });
    const end = new Date(Date.now() + 1_500).toISOString();
    const { body } = await block({ reason: null, until: end });
    expect(body).toMatchObject({ status: 'blocked', blocked: { reason: null, until: end }, version: 3 });
    await until('the block has ended', async () => (await service.request('GET', `/api/users/${user_id}`)).body.status === 'active');
  });
});
