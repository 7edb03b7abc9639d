import { describe, expect, it } from 'vitest';
import { aUser, commandsOnUser, expectProblem, userIn } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';

const STATES = ['active', 'inactive', 'blocked', 'deleted'] as const;
const READS = ['', '/events', '/profile', '/profile-views'];
const wait = { prefer: 'wait=5' };
const service = useService();

/** The status after the command, or the code of the refusal; edits keep the status. */
const outcomes: Record<string, Record<(typeof STATES)[number], string>> = {
  edit: { active: 'active', inactive: 'inactive', blocked: 'user-blocked', deleted: 'user-deleted' },
  '/activate': { active: 'active', inactive: 'active', blocked: 'user-blocked', deleted: 'user-deleted' },
  '/deactivate': { active: 'inactive', inactive: 'inactive', blocked: 'user-blocked', deleted: 'user-deleted' },
  '/block': { active: 'blocked', inactive: 'blocked', blocked: 'blocked', deleted: 'user-deleted' },
  '/unblock': { active: 'active', inactive: 'inactive', blocked: 'active', deleted: 'user-deleted' },
  '/profile-views': { active: 'viewed', inactive: 'viewed', blocked: 'viewed', deleted: 'user-deleted' },
  delete: { active: 'deleted', inactive: 'deleted', blocked: 'deleted', deleted: 'deleted' },
};

describe.each(STATES)('a user that is %s', (state) => {
  it.each(commandsOnUser)('answers $method $path as the state table says', async ({ method, path, body }) => {
    const { user_id, email, phone } = await userIn(service, state);
    const outcome = (method === 'DELETE' ? outcomes.delete : (outcomes[path] ?? outcomes.edit))?.[state] ?? '';
    // Each user gets its own contacts, so that only the state decides.
    const own = path === '/email' ? { new_email: `x${email}` } : path === '/phone' ? { new_phone: phone.replace('+7999', '+7998') } : body;
    const answer = await service.request(method, `/api/users/${user_id}${path}`, own, wait);
    if (outcome === 'deleted') return expect(answer.status).toBe(204);
    if (outcome.startsWith('user-')) return expectProblem(answer, outcome === 'user-deleted' ? 410 : 409, outcome);
    expect(answer.status, answer.text).toBe(200);
    if (outcome === 'viewed') expect(answer.body).toEqual({ count: 1 });
    else expect(answer.body.status).toBe(outcome);

    const again = await service.request(method, `/api/users/${user_id}${path}`, own, wait);
    expect(again.status).toBe(200);
    expect(again.body).toEqual(answer.body);
  });
});

it('unblocking returns to the state before the block, also when the block was replaced', async () => {
  const { user_id } = await userIn(service, 'inactive');
  const act = async (path: string, body?: object) => (await service.request('POST', `/api/users/${user_id}/${path}`, body)).body;
  await act('block', { reason: 'Spam' });
  expect(await act('block', { reason: 'More spam' })).toMatchObject({ version: 4, blocked: { reason: 'More spam', until: null } });
  expect(await act('unblock')).toMatchObject({ version: 5, status: 'inactive', blocked: null });
});

describe('a deleted user', () => {
  it('is gone for every reader, cannot be created again, and deleting it again is quiet', async () => {
    const { user_id, email } = await userIn(service, 'deleted');
    for (const path of READS) expectProblem(await service.request('GET', `/api/users/${user_id}${path}`), 410, 'user-deleted');
    expectProblem(await service.request('POST', '/api/users', aUser({ user_id: user_id.toUpperCase() })), 410, 'user-deleted');
    for (const headers of [{}, { 'if-match': '"1"' }, { prefer: 'respond-async, wait=5' }]) {
      const again = await service.request('DELETE', `/api/users/${user_id}`, undefined, headers);
      expect(again.status).toBe(204);
      expect(again.text).toBe('');
    }
    expect((await service.request('POST', '/api/users', aUser({ email }))).status).toBe(201);
  });
});

describe('a user that never was', () => {
  const url = '/api/users/7f000000-0000-4000-8000-000000000001';
  it.each(commandsOnUser)('$method $path answers 404', async ({ method, path, body }) => {
    expectProblem(await service.request(method, url + path, body), 404, 'user-not-found');
  });
  it.each(READS)('GET %s answers 404', async (path) => {
    expectProblem(await service.request('GET', url + path), 404, 'user-not-found');
  });
});
