import { beforeAll, describe, expect, it } from 'vitest';
import { created, expectProblem } from '../fixtures/http.ts';
import { type Service, useService } from '../fixtures/http-service.ts';

const service = useService();
const renaming = (last_name: string) => `4bf92f3577b34da6a3ce929d0e0e473${last_name}`;
let user: any;
let events: string;

beforeAll(async () => {
  user = await created(service, { bio: 'Builds bridges.' });
  events = `/api/users/${user.user_id}/events`;
  for (const last_name of ['A', 'B', 'C', 'D'])
    await service.request('PATCH', `/api/users/${user.user_id}/username`, { last_name }, { 'x-request-id': renaming(last_name) });
});

describe("a user's history", () => {
  it('is CloudEvents 1.0, oldest first, with the personal part', async () => {
    const { body } = await service.request('GET', events);
    expect(body.next_cursor).toBeNull();
    expect(body.items.map(({ version }: { version: number }) => version)).toEqual([1, 2, 3, 4, 5]);
    const [first, second] = body.items;
    expect(first).toMatchObject({
      specversion: '1.0',
      source: '/lumin/users',
      type: 'lumin.users.UserCreated.v1',
      subject: user.user_id,
      datacontenttype: 'application/json',
      time: user.created_at,
      data: { language_code: 'en', personal: { username: user.username, email: user.email, bio: user.bio } },
    });
    expect(first.id).toMatch(/:1$/);
    expect(first.position).toMatch(/^\d+$/);
    expect(second).toMatchObject({
      type: 'lumin.users.UserUsernameChanged.v1',
      version: 2,
      correlationid: renaming('A'),
      data: { changed: ['username'], personal: { username: { first_name: 'John', last_name: 'A' } } },
    });
  });

  it('has every text as it was typed, kanji that NFC would change among it', async () => {
    const [first_name, bio, reason] = ['\uFA19', '\uFA19谷\n\u{2F80B}', '\uFA19社'];
    const { user_id } = await created(service, { username: { first_name }, bio });
    expect((await service.request('POST', `/api/users/${user_id}/block`, { reason })).status).toBe(200);
    expect((await service.request('GET', `/api/users/${user_id}`)).body).toMatchObject({
      username: { first_name },
      bio,
      blocked: { reason },
    });
    const [creation, block] = (await service.request('GET', `/api/users/${user_id}/events`)).body.items;
    expect(creation.data.personal).toMatchObject({ username: { first_name }, bio });
    expect(block.data.personal).toEqual({ reason });
  });

  it('comes in pages that hang together by cursor and by Link', async () => {
    const versions: number[] = [];
    let url: string | undefined = `${events}?limit=2`;
    for (let pages = 0; url !== undefined && pages < 5; pages++) {
      const { body, headers }: Awaited<ReturnType<Service['request']>> = await service.request('GET', url);
      versions.push(...body.items.map(({ version }: { version: number }) => version));
      expect(headers.link === undefined).toBe(body.next_cursor === null);
      url = /^<(.+)>; rel="next"$/.exec(headers.link ?? '')?.[1];
      if (url) expect(url).toContain(body.next_cursor);
    }
    expect(versions).toEqual([1, 2, 3, 4, 5]);
  });

  it('comes newest first with sort=-version, and its pages hang together in the same way', async () => {
    const versions: number[] = [];
    let url: string | undefined = `${events}?sort=-version&limit=2`;
    for (let pages = 0; url !== undefined && pages < 5; pages++) {
      const { body, headers }: Awaited<ReturnType<Service['request']>> = await service.request('GET', url);
      versions.push(...body.items.map(({ version }: { version: number }) => version));
      url = /^<(.+)>; rel="next"$/.exec(headers.link ?? '')?.[1];
    }
    expect(versions).toEqual([5, 4, 3, 2, 1]);
    expect((await service.request('GET', `${events}?sort=version`)).body).toEqual((await service.request('GET', events)).body);
  });

  it('takes the cursor of one order for the other one in neither direction', async () => {
    const cursorOf = async (sort: string) => (await service.request('GET', `${events}?limit=2&sort=${sort}`)).body.next_cursor;
    const turned = [`cursor=${await cursorOf('-version')}`, `sort=-version&cursor=${await cursorOf('version')}`];
    for (const query of turned) expectProblem(await service.request('GET', `${events}?${query}`), 422, 'invalid-cursor', '/cursor');
  });

  it.each(['1', '200', '050'])('takes limit=%s', async (limit) => {
    expect((await service.request('GET', `${events}?limit=${limit}`)).status).toBe(200);
  });

  it.each(['0', '-1', '201', '1e2', '1e9', 'NaN', '', ' 5', '5.0', '0x10', '٣', 'null'])('refuses limit=%s', async (limit) => {
    expectProblem(await service.request('GET', `${events}?limit=${encodeURIComponent(limit)}`), 422, 'validation-failed', '/limit');
  });

  it.each([
    ['limit=1&limit=2', '/limit'],
    ['limit[]=1', '/limit[]'],
    ['after=2', '/after'],
    ['sort=created_at', '/sort'],
    ['sort=', '/sort'],
    ['sort=version&sort=-version', '/sort'],
    ['cursor=a&cursor=b', '/cursor'],
    ['__proto__=1', '/__proto__'],
  ])('refuses ?%s', async (query, pointer) => {
    expectProblem(await service.request('GET', `${events}?${query}`), 422, 'validation-failed', pointer);
  });

  it('refuses a cursor that was made up, changed, or made for another user', async () => {
    const { body } = await service.request('GET', `${events}?limit=2`);
    const cursor: string = body.next_cursor;
    const other = await created(service);
    const changed = [
      `${cursor}A`,
      `${cursor}%21`,
      `${cursor}%3D`,
      cursor.slice(1),
      cursor.slice(0, 22),
      'A'.repeat(24),
      '',
      '%00',
      'x'.repeat(9_000),
    ];
    for (const text of changed) expectProblem(await service.request('GET', `${events}?cursor=${text}`), 422, 'invalid-cursor', '/cursor');
    expectProblem(await service.request('GET', `/api/users/${other.user_id}/events?cursor=${cursor}`), 422, 'invalid-cursor', '/cursor');
  });
});

describe('the status of a task', () => {
  it('is found by the id that the 202 answer returned, and by no other', async () => {
    const accepted = await service.request('PATCH', `/api/users/${user.user_id}/email`, { new_email: 'new@example.com' });
    expect(accepted.body).toMatchObject({ command: 'change_email', user_id: user.user_id, status: 'queued', result: null, error: null });
    await service.app.awaitTask(accepted.body.task_id, 5_000);
    const { body } = await service.request('GET', `${accepted.headers.location}`);
    expect(body).toMatchObject({
      task_id: accepted.body.task_id,
      status: 'succeeded',
      attempts: 1,
      progress: null,
      result: { version: 6 },
    });
    for (const id of [
      'task_abc123',
      `${body.task_id}0`,
      body.task_id.toUpperCase(),
      `task_${'0'.repeat(26)}`,
      '%00',
      user.user_id,
      'x'.repeat(9_000),
    ])
      expectProblem(await service.request('GET', `/api/users/tasks/${id}`), 404, 'task-not-found');
    expectProblem(await service.request('GET', `/api/users/tasks/${body.task_id}?x=1`), 422, 'validation-failed', '/x');
  });
});
