import { describe, expect, it } from 'vitest';
import { aUser, commandsOnUser, created, expectProblem } from '../fixtures/http.ts';
import { type Answer, useService } from '../fixtures/http-service.ts';

const service = useService();

const prefer = (value: string) => ({ prefer: value });

const expectTask = async (answer: Answer, command: string): Promise<any> => {
  expect(answer.status, answer.text).toBe(202);
  expect(answer.headers).toMatchObject({ location: `/api/users/tasks/${answer.body.task_id}`, 'retry-after': '1' });
  expect(answer.body).toMatchObject({ command, status: 'queued', finished_at: null });
  await service.app.awaitTask(answer.body.task_id, 5_000);
  return (await service.request('GET', answer.headers.location ?? '')).body;
};

describe('Prefer: respond-async', () => {
  it.each(commandsOnUser)('makes a task of $method $path', async ({ name, method, path, body }) => {
    const { user_id } = await created(service);
    const own = path === '/email' ? { new_email: `${user_id}@example.com` } : body;
    const answer = await service.request(method, `/api/users/${user_id}${path}`, own, prefer('respond-async'));
    expect(answer.headers['preference-applied']).toBe('respond-async');
    const version = ['/activate', '/unblock', '/profile-views'].includes(path) ? 1 : name === 'update' ? 4 : 2;
    expect(await expectTask(answer, name)).toMatchObject({
      user_id,
      status: 'succeeded',
      result: { version },
      error: null,
    });
    const now = await service.request('GET', `/api/users/${user_id}`);
    if (method === 'DELETE') expectProblem(now, 410, 'user-deleted');
    else expect(now.body.version).toBe(version);
  });

  it('makes a task of creating a user, who is there when it has ended', async () => {
    const task = await expectTask(await service.request('POST', '/api/users', aUser(), prefer('RESPOND-ASYNC')), 'create');
    expect(task).toMatchObject({ status: 'succeeded', result: { version: 1 } });
    expect((await service.request('GET', `/api/users/${task.user_id}`)).body.version).toBe(1);
  });

  it('refuses at once what is refused now', async () => {
    const user = await created(service);
    const url = `/api/users/${user.user_id}`;
    const send = (method: 'POST' | 'PATCH', path: string, body: object) => service.request(method, path, body, prefer('respond-async'));
    expectProblem(await send('POST', '/api/users', aUser({ email: user.email })), 409, 'email-taken', '/email');
    expectProblem(await send('POST', '/api/users', aUser({ user_id: user.user_id })), 409, 'user-exists');
    expectProblem(await send('PATCH', `${url}/phone`, { new_phone: 'x' }), 422, 'validation-failed', '/new_phone');
    await service.request('POST', `${url}/block`);
    expectProblem(await send('PATCH', `${url}/bio`, { new_bio: 'x' }), 409, 'user-blocked');
    await service.request('DELETE', url);
    expectProblem(await send('PATCH', `${url}/bio`, { new_bio: 'x' }), 410, 'user-deleted');
  });

  it.each([
    'wait',
    'wait=',
    'wait=-1',
    'wait=x',
    'wait=1.5',
    'respondasync',
    'handling=lenient',
    'foo="a, respond-async"',
    ';;,,=',
    '"',
    'x'.repeat(5_000),
  ])('is the only thing that makes a task; %s is ignored', async (value) => {
    const { user_id } = await created(service);
    const answer = await service.request('POST', `/api/users/${user_id}/deactivate`, undefined, prefer(value));
    expect(answer.status).toBe(200);
    expect(answer.headers['preference-applied']).toBeUndefined();
  });
});

describe('Prefer: wait=N of an asynchronous command', () => {
  const change = (user: any, value: string, new_email = `${user.user_id}@example.com`) =>
    service.request('PATCH', `/api/users/${user.user_id}/email`, { new_email }, prefer(value));

  it.each(['wait=5', 'respond-async, wait=5', 'wait="5"', 'wait = 5; x=y', 'wait=99999999999999999999'])(
    '%s gives the final answer',
    async (value) => {
      const user = await created(service);
      const answer = await change(user, value);
      expect(answer).toMatchObject({ status: 200, body: { email: `${user.user_id}@example.com`, version: 2 }, headers: { etag: '"2"' } });
      expect(answer.headers['preference-applied']).toMatch(/^wait=[59]$/);
    },
  );

  it('wait=0 does not wait', async () => {
    const task = await expectTask(await change(await created(service), 'wait=0'), 'change_email');
    expect(task.status).toBe('succeeded');
  });

  it('gives failures as if it were synchronous', async () => {
    const [user, other] = [await created(service), await created(service)];
    expectProblem(await change(user, 'wait=5', other.email), 409, 'email-taken', '/new_email');
  });

  it('gives a failure that only came about after acceptance', async () => {
    const users = [await created(service), await created(service)];
    const answers = await Promise.all(users.map((user) => change(user, 'wait=5', 'both@example.com')));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    const late = answers.find(({ status }) => status === 409);
    if (late) expectProblem(late, 409, 'email-taken', '/new_email');
  });

  it('gives 201 with Location for creating and 204 for deleting', async () => {
    const answer = await service.request('POST', '/api/users', aUser(), prefer('respond-async, wait=5'));
    expect(answer).toMatchObject({ status: 201, headers: { location: `/api/users/${answer.body.user_id}`, etag: '"1"' } });
    const gone = await service.request('DELETE', answer.headers.location ?? '', undefined, prefer('respond-async, wait=5'));
    expect(gone).toMatchObject({ status: 204, text: '' });
  });
});

describe('tasks of one user', () => {
  it('run in the order in which they were accepted; a change that came too late fails with its problem', async () => {
    const { user_id } = await created(service);
    const url = `/api/users/${user_id}`;
    const accepted = await Promise.all(
      [1, 2, 3, 4, 5].map((n) => service.request('PATCH', `${url}/bio`, { new_bio: `${n}` }, prefer('respond-async'))),
    );
    const block = await service.request('POST', `${url}/block`, {}, prefer('respond-async'));
    const late = await service.request('PATCH', `${url}/bio`, { new_bio: 'late' }, prefer('respond-async'));
    for (const { body } of [...accepted, block]) await service.app.awaitTask(body.task_id, 5_000);
    const versions = await Promise.all(
      accepted.map(async ({ headers }) => (await service.request('GET', `${headers.location}`)).body.result.version),
    );
    expect(versions).toEqual([2, 3, 4, 5, 6]);
    if (late.status === 409) return; // the block was already there
    const failed = await expectTask(late, 'change_bio');
    expect(failed).toMatchObject({
      status: 'failed',
      result: null,
      error: { code: 'user-blocked', status: 409, type: '/problems/user-blocked' },
    });
  });
});
