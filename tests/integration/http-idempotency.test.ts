import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { aUser, commandsOnUser, created, expectProblem } from '../fixtures/http.ts';
import { type Answer, useService } from '../fixtures/http-service.ts';

const service = useService();

const key = (value: string = randomUUID()) => ({ 'idempotency-key': value });
const told = ({ status, text, headers }: Answer) => ({ status, text, etag: headers.etag, location: headers.location });

const expectReplay = (replay: Answer, first: Answer): void => {
  expect(told(replay)).toEqual(told(first));
  expect(first.headers['idempotent-replayed']).toBeUndefined();
  expect(replay.headers['idempotent-replayed']).toBe('true');
};

describe('a request that is repeated with its Idempotency-Key', () => {
  it('creates one user and gets the same answer, even when the user has changed since', async () => {
    const [headers, body] = [key(), aUser()];
    const first = await service.request('POST', '/api/users', body, headers);
    await service.request('POST', `${first.headers.location}/deactivate`);
    // The order of keys and the slash at the end are no difference.
    const replay = await service.request('POST', '/api/users/', Object.fromEntries(Object.entries(body).reverse()), headers);
    expectReplay(replay, first);
    expect(first.status).toBe(201);
  });

  it.each(commandsOnUser)('gets the same answer from $method $path, and makes no second version', async ({ method, path, body }) => {
    const { user_id } = await created(service);
    const url = `/api/users/${user_id}`;
    const own = path === '/email' ? { new_email: `${user_id}@example.com` } : body;
    const headers = key();
    const first = await service.request(method, url + path, own, headers);
    expect(first.status, first.text).toBeLessThan(300);
    if (path === '/email') await service.app.awaitTask(first.body.task_id, 5_000);
    if (method !== 'DELETE') await service.request('PATCH', `${url}/username`, { last_name: 'Later' }, key()); // refused where blocked
    expectReplay(await service.request(method, url.toUpperCase().replace('/API/USERS', '/api/users') + path, own, headers), first);
  });

  it('counts query form and JSON body as the same request', async () => {
    const { user_id } = await created(service);
    const headers = key();
    const first = await service.request('PATCH', `/api/users/${user_id}/bio`, { new_bio: 'a b' }, headers);
    expectReplay(await service.request('PATCH', `/api/users/${user_id}/bio?new_bio=a+b`, undefined, headers), first);
  });

  it('takes effect once when 50 arrive together', async () => {
    const [headers, body] = [key(), aUser()];
    const answers = await Promise.all(Array.from({ length: 50 }, () => service.request('POST', '/api/users', body, headers)));
    expect(new Set(answers.map((answer) => JSON.stringify(told(answer)))).size).toBe(1);
    expect(answers[0]?.status).toBe(201);
    expect(answers.filter((answer) => answer.headers['idempotent-replayed'] === undefined)).toHaveLength(1);
  });

  it('gets the final answer again where it waited for one', async () => {
    const { user_id } = await created(service);
    const headers = { ...key(), prefer: 'wait=5' };
    const change = () => service.request('PATCH', `/api/users/${user_id}/email`, { new_email: `${user_id}@example.com` }, headers);
    const first = await change();
    expect(first.status).toBe(200);
    expectReplay(await change(), first);
  });

  it('is answered although the state would refuse it now; but of a deleted user nothing is shown', async () => {
    const { user_id } = await created(service);
    const headers = key();
    const rename = () => service.request('PATCH', `/api/users/${user_id}/username`, { first_name: 'Jane' }, headers);
    const first = await rename();
    await service.request('POST', `/api/users/${user_id}/block`);
    expectReplay(await rename(), first);
    await service.request('DELETE', `/api/users/${user_id}`);
    expectProblem(await rename(), 410, 'user-deleted');
  });

  it('that changed nothing is kept as well', async () => {
    const { user_id } = await created(service);
    const headers = key();
    const activate = () => service.request('POST', `/api/users/${user_id}/activate`, undefined, headers);
    const first = await activate();
    expect(first.body.version).toBe(1);
    await service.request('POST', `/api/users/${user_id}/deactivate`);
    expectReplay(await activate(), first);
    expect((await service.request('GET', `/api/users/${user_id}`)).body.status).toBe('inactive');
  });
});

describe('an Idempotency-Key', () => {
  it('belongs to one request: another body or another user is refused', async () => {
    const [one, two] = [await created(service), await created(service)];
    const headers = key();
    const bio = (id: string, new_bio: string) => service.request('PATCH', `/api/users/${id}/bio`, { new_bio }, headers);
    expect((await bio(one.user_id, 'a')).status).toBe(200);
    expectProblem(await bio(one.user_id, 'b'), 422, 'idempotency-key-reused');
    expectProblem(await bio(two.user_id, 'a'), 422, 'idempotency-key-reused');
  });

  it('is scoped to its route', async () => {
    const { user_id } = await created(service);
    const headers = key();
    for (const path of ['deactivate', 'activate', 'block', 'unblock']) {
      const answer = await service.request('POST', `/api/users/${user_id}/${path}`, undefined, headers);
      expect(answer.headers['idempotent-replayed']).toBeUndefined();
      expect(answer.status).toBe(200);
    }
  });

  it('is free again where the request was refused', async () => {
    const taken = await created(service);
    const headers = key();
    expectProblem(await service.request('POST', '/api/users', aUser({ email: taken.email }), headers), 409, 'email-taken');
    expectProblem(await service.request('POST', '/api/users', {}, headers), 422, 'validation-failed');
    expect((await service.request('POST', '/api/users', aUser(), headers)).status).toBe(201);
  });

  it('means the same bare and quoted', async () => {
    const { user_id } = await created(service);
    const act = (value: string) => service.request('POST', `/api/users/${user_id}/deactivate`, undefined, key(value));
    const value = randomUUID();
    const first = await act(value);
    expectReplay(await act(`"${value}"`), first);
  });

  it.each(['x', 'x'.repeat(255), `"${'y'.repeat(255)}"`, "!#$%&'()*+,-./:;<=>?@[]^_`{|}~\\"])('%s can be used', async (value) => {
    const { user_id } = await created(service);
    expect((await service.request('POST', `/api/users/${user_id}/block`, {}, key(value))).status).toBe(200);
  });

  it.each(['', '""', '"', 'x'.repeat(256), 'x'.repeat(300), 'a b', 'a\tb', 'a\rb', 'a\nb', 'ключ', 'a"b', '"a"b"', '\u0000', '\u007f'])(
    '%j cannot be used',
    async (value) => {
      const { user_id } = await created(service);
      expectProblem(await service.request('POST', `/api/users/${user_id}/block`, {}, key(value)), 400, 'invalid-idempotency-key');
      expect((await service.request('GET', `/api/users/${user_id}`)).body.version).toBe(1);
    },
  );
});
