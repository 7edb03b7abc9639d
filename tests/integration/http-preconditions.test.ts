import { beforeAll, describe, expect, it } from 'vitest';
import { aUser, commandsOnUser, created, expectProblem } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';

const UNREADABLE = ['1', 'abc', '"1', '1"', "'1'", '', ',', 'W/1', '"1" x', 'w/"1"', '*, "1"', '"a"b"', '"\t"'];
const service = useService();

describe('If-None-Match', () => {
  let url: string;
  beforeAll(async () => {
    url = `/api/users/${(await created(service)).user_id}`;
    await service.request('POST', `${url}/deactivate`);
  });

  it.each(['"2"', 'W/"2"', '*', ' * ', '"1", "2"', '"a,b","2"', ',"2",'])('%s answers 304 while the user has version 2', async (tags) => {
    const answer = await service.request('GET', url, undefined, { 'if-none-match': tags });
    expect(answer).toMatchObject({ status: 304, text: '', headers: { etag: '"2"', 'cache-control': 'private, no-cache' } });
  });

  it.each(['"1"', '"02"', '"abc"', '""', '"22"'])('%s is not the tag of version 2', async (tags) => {
    expect(await service.request('GET', url, undefined, { 'if-none-match': tags })).toMatchObject({
      status: 200,
      headers: { etag: '"2"' },
    });
  });

  it.each(UNREADABLE)('%s cannot be read', async (tags) => {
    expectProblem(await service.request('GET', url, undefined, { 'if-none-match': tags }), 400, 'invalid-precondition');
  });
});

describe('If-Match', () => {
  it.each(commandsOnUser)(
    'is looked at by $method $path: a stale one changes nothing and says the current ETag',
    async ({ method, path, body }) => {
      const { user_id } = await created(service);
      const url = `/api/users/${user_id}`;
      await service.request('POST', `${url}/deactivate`);
      for (const stale of ['"1"', '"3"', 'W/"1"', '"1", W/"3"', '"999999999"']) {
        const answer = await service.request(method, url + path, body, { 'if-match': stale });
        expectProblem(answer, 412, 'version-conflict');
        expect(answer.headers.etag).toBe('"2"');
      }
      expect((await service.request('GET', url)).body.version).toBe(2);
    },
  );

  it.each(['"2"', '*', '"1","2"', 'W/"1", "2"', ', "2" ,', 'W/"2"', '"2-gzip"'])('%s lets a change of version 2 pass', async (tags) => {
    const url = `/api/users/${(await created(service)).user_id}`;
    await service.request('POST', `${url}/deactivate`);
    const answer = await service.request('PATCH', `${url}/bio`, { new_bio: 'x' }, { 'if-match': tags });
    expect(answer).toMatchObject({ status: 200, headers: { etag: '"3"' } });
  });

  it.each([...UNREADABLE, '"abc"', '"-1"', '"1.0"', '"01"', '"1e3"', `"${'9'.repeat(400)}"`])('%s cannot be read', async (tags) => {
    const { user_id } = await created(service);
    const answer = await service.request('POST', `/api/users/${user_id}/deactivate`, undefined, { 'if-match': tags });
    expectProblem(answer, 400, 'invalid-precondition');
  });

  it('can never hold for a user that is yet to be created', async () => {
    for (const tags of ['*', '"1"'])
      expectProblem(await service.request('POST', '/api/users', aUser(), { 'if-match': tags }), 412, 'version-conflict');
  });

  it('is a plainer 404 or 410 for a user that never was or was deleted', async () => {
    const { user_id } = await created(service);
    const block = (id: string) => service.request('POST', `/api/users/${id}/block`, {}, { 'if-match': '"7"' });
    expectProblem(await block('7f000000-0000-4000-8000-000000000001'), 404, 'user-not-found');
    await service.request('DELETE', `/api/users/${user_id}`);
    expectProblem(await block(user_id), 410, 'user-deleted');
  });

  it.each([2, 16, 64])('lets exactly one of %i concurrent writers pass', async (writers) => {
    const { user_id } = await created(service);
    const answers = await Promise.all(
      Array.from({ length: writers }, (_, n) =>
        service.request('PATCH', `/api/users/${user_id}/bio`, { new_bio: `${n}` }, { 'if-match': '"1"' }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(writers - 1).fill(412)]);
  });

  it('of an asynchronous change is checked at acceptance', async () => {
    const { user_id } = await created(service);
    const change = (tags: string) =>
      service.request('PATCH', `/api/users/${user_id}/email?new_email=${user_id}@example.com`, undefined, {
        'if-match': tags,
        prefer: 'wait=5',
      });
    expectProblem(await change('"2"'), 412, 'version-conflict');
    expect((await change('"1"')).headers.etag).toBe('"2"');
  });
});
