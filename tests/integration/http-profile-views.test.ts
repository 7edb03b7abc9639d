import { beforeEach, expect, test } from 'vitest';
import { onEachDatabase } from '../fixtures/database-kinds.ts';
import { created, expectProblem } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';
import { allPages } from '../fixtures/pages.ts';
import { newId } from '../fixtures/people.ts';

onEachDatabase('views of a profile', (make) => {
  /** What the application takes for the time. */
  let clock = '';
  const service = useService({ make, now: () => new Date(clock) });
  let url: string;
  let user: any;

  beforeEach(async () => {
    clock = '2026-11-24T10:00:00.000Z';
    user = await created(service);
    url = `/api/users/${user.user_id}`;
  });

  const send = (viewer_id: string, more: object = {}, headers: Record<string, string> = {}) =>
    service.request('POST', `${url}/profile-views`, { viewer_id, ...more }, headers);
  const view = async (...args: Parameters<typeof send>) => {
    const { status, text, body } = await send(...args);
    expect(status, text).toBe(200);
    return body.count;
  };
  const views = async (query = '') => (await service.request('GET', `${url}/profile-views${query}`)).body;
  const viewers = async () => (await views()).items.map(({ viewer_id }: any) => viewer_id);

  test('count one of each viewer and UTC clock hour', async () => {
    const [ann, bob] = [newId(), newId()];
    const at = async (time: string, viewer: string) => {
      clock = time;
      return view(viewer);
    };
    expect(await at('2026-11-24T10:00:00.000Z', ann)).toBe(1);
    expect(await at('2026-11-24T10:59:59.999Z', ann)).toBe(1);
    expect(await at('2026-11-24T10:59:59.999Z', bob)).toBe(2);
    expect(await at('2026-11-24T11:00:00.000Z', ann)).toBe(3);
    expect(await at('2026-11-24T11:30:00.000Z', ann)).toBe(3);
    // A clock that is behind does not count an hour twice.
    expect(await at('2026-11-24T10:59:00.000Z', ann)).toBe(3);
    expect(await at('2026-11-25T11:00:00.000Z', bob)).toBe(4);
    expect(await views()).toEqual({
      count: 4,
      items: [
        { viewer_id: bob, viewed_at: '2026-11-25T11:00:00.000Z', source: null },
        { viewer_id: ann, viewed_at: '2026-11-24T11:00:00.000Z', source: null },
      ],
      next_cursor: null,
    });
  });

  test('say where the last one that counted came from', async () => {
    const ann = newId();
    await view(ann, { source: 'search' });
    await view(ann, { source: 'chat-list' });
    expect((await views()).items).toMatchObject([{ source: 'search' }]);
    clock = '2026-11-24T11:00:00.000Z';
    await view(ann.toUpperCase(), { source: null });
    expect((await views()).items).toEqual([{ viewer_id: ann, viewed_at: clock, source: null }]);
  });

  test("do not count one's own", async () => {
    expect(await view(user.user_id)).toBe(0);
    expect(await view(user.user_id.toUpperCase())).toBe(0);
    expect(await views()).toEqual({ count: 0, items: [], next_cursor: null });
  });

  test('do not count those of a deleted viewer; deleting a viewer takes it off every list and changes no count', async () => {
    const [ann, other] = [await created(service), await created(service)];
    await view(ann.user_id);
    await view(newId());
    await service.request('POST', `/api/users/${other.user_id}/profile-views`, { viewer_id: ann.user_id });
    expect(await viewers()).toContain(ann.user_id);

    await service.request('DELETE', `/api/users/${ann.user_id}`);
    expect(await viewers()).not.toContain(ann.user_id);
    expect(await views()).toMatchObject({ count: 2, items: [{}] });
    expect((await service.request('GET', `/api/users/${other.user_id}/profile-views`)).body).toMatchObject({ count: 1, items: [] });
    clock = '2026-11-24T12:00:00.000Z';
    expect(await view(ann.user_id)).toBe(2);
  });

  test('are not recorded of somebody who never was or was deleted', async () => {
    const ask = (id: string) => service.request('POST', `/api/users/${id}/profile-views`, { viewer_id: newId() });
    expectProblem(await ask(newId()), 404, 'user-not-found');
    await service.request('DELETE', url);
    expectProblem(await ask(user.user_id), 410, 'user-deleted');
  });

  test.each([
    [{}, '/viewer_id'],
    [{ viewer_id: 'x' }, '/viewer_id'],
    [{ viewer_id: null }, '/viewer_id'],
    [{ viewer_id: '00000000-0000-0000-0000-000000000000' }, '/viewer_id'],
    [{ viewer_id: newId(), source: 'Where I saw it' }, '/source'],
    [{ viewer_id: newId(), source: '' }, '/source'],
    [{ viewer_id: newId(), source: 'x'.repeat(51) }, '/source'],
    [{ viewer_id: newId(), at: '2026-01-01T00:00:00Z' }, '/at'],
  ])('take no %j', async (body, pointer) => {
    expectProblem(await service.request('POST', `${url}/profile-views`, body), 422, 'validation-failed', pointer);
  });

  test('are listed latest first, on pages that show each viewer once, also while others come to look', async () => {
    const ids = Array.from({ length: 23 }, newId);
    for (const [i, id] of ids.entries()) {
      clock = `2026-11-24T10:00:${10 + i}.000Z`;
      await view(id);
    }
    clock = '2026-11-24T11:00:00.000Z';
    const pages = await allPages(service, `${url}/profile-views?limit=5`, { between: () => view(newId()) });
    expect(pages.map(({ length }) => length)).toEqual([5, 5, 5, 5, 3]);
    expect(pages.flat().map(({ viewer_id }) => viewer_id)).toEqual(ids.toReversed());
  });

  test('have cursors that fit this list only, as they are', async () => {
    for (let i = 0; i < 3; i++) await view(newId());
    const { next_cursor } = await views('?limit=1');
    const other = await created(service);
    const ask = (at: string, cursor: string) => service.request('GET', `${at}?limit=1&cursor=${encodeURIComponent(cursor)}`);
    const changed = [...next_cursor].map(
      (c: string, i: number) => next_cursor.slice(0, i) + (c === 'A' ? 'B' : 'A') + next_cursor.slice(i + 1),
    );
    for (const cursor of [...changed, '', 'x', `${next_cursor}A`, next_cursor.slice(0, -1), `${next_cursor}=`])
      expectProblem(await ask(`${url}/profile-views`, cursor), 422, 'invalid-cursor', '/cursor');
    for (const at of [`/api/users/${other.user_id}/profile-views`, `${url}/events`, '/api/users'])
      expectProblem(await ask(at, next_cursor), 422, 'invalid-cursor', '/cursor');
    expect((await ask(`${url}/profile-views`, next_cursor)).body.items.length).toBe(1);
  });

  test('with an Idempotency-Key are recorded once and answered alike', async () => {
    const [ann, headers] = [newId(), { 'idempotency-key': newId() }];
    expect(await view(ann, {}, headers)).toBe(1);
    clock = '2026-11-24T15:00:00.000Z';
    await view(newId());
    const again = await send(ann, {}, headers);
    expect(again).toMatchObject({ status: 200, body: { count: 1 }, headers: { 'idempotent-replayed': 'true' } });
    expectProblem(await send(newId(), {}, headers), 422, 'idempotency-key-reused');
    expect(await views()).toMatchObject({ count: 2 });
  });

  test('are recorded as a task where the client prefers that', async () => {
    const task = await send(newId(), {}, { prefer: 'respond-async' });
    expect(task).toMatchObject({ status: 202, body: { command: 'record_profile_view' } });
    expect(await service.app.awaitTask(task.body.task_id, 5_000)).toMatchObject({ status: 'succeeded', attempts: 1 });
    expect(await view(newId(), {}, { prefer: 'respond-async, wait=5' })).toBe(2);
    expect(await views()).toMatchObject({ count: 2 });
  });

  test('leave the user as it is: version, ETag, time of the last change and history', async () => {
    const before = [await service.request('GET', url), await service.request('GET', `${url}/events`)];
    for (let i = 0; i < 5; i++) await view(newId());
    const after = [await service.request('GET', url), await service.request('GET', `${url}/events`)];
    expect(after.map(({ text }) => text)).toEqual(before.map(({ text }) => text));
    expect(after[0]?.headers.etag).toBe(before[0]?.headers.etag);
    const edit = await service.request('PATCH', `${url}/bio`, { new_bio: 'x' }, { 'if-match': before[0]?.headers.etag ?? '' });
    expect(edit.status).toBe(200);
  });
});
