import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { commandsOnUser, created, expectProblem } from '../fixtures/http.ts';
import { type Service, startService } from '../fixtures/http-service.ts';
import { until } from '../fixtures/until.ts';

const HOUR_MS = 3_600_000;

const eventsOf = async ({ request }: Service, url: string) =>
  (await request('GET', `${url}/events`)).body.items.map(({ type, ...event }: any) => ({ type: type.split('.').at(-2), ...event }));

describe.each(storeKinds())('a block with an end, over HTTP on $name', ({ available, make }) => {
  let place: Store;
  let service: Service;
  let clock = () => new Date();
  beforeAll(async () => {
    if (!available) return;
    place = await make();
    service = await startService(place.url, { now: () => clock() });
  });
  afterEach(() => {
    clock = () => new Date();
  });
  afterAll(async () => {
    await service?.stop();
    await place?.drop();
  });

  const typesOf = async (url: string) => (await eventsOf(service, url)).map(({ type }: any) => type);

  /** Users whose block is over by the time of the service, and not by that of the database: so no task ends it meanwhile. */
  const blockedUntilNow = async (count: number): Promise<string[]> => {
    const end = new Date(Date.now() + HOUR_MS);
    const blocked = async (): Promise<string> => {
      const url = `/api/users/${(await created(service)).user_id}`;
      await service.request('POST', `${url}/block`, { reason: 'Spam', until: end.toISOString() });
      return url;
    };
    const urls = await Promise.all(Array.from({ length: count }, blocked));
    clock = () => end;
    return urls;
  };

  it.skipIf(!available)('ends by itself: the user is as before, and the history says so', async () => {
    const url = `/api/users/${(await created(service)).user_id}`;
    await service.request('POST', `${url}/deactivate`);
    const end = new Date(Date.now() + 800).toISOString();
    const { body } = await service.request('POST', `${url}/block`, { reason: 'Spam', until: end });
    expect(body).toMatchObject({ status: 'blocked', blocked: { reason: 'Spam', until: end } });
    await until('the block has ended', async () => (await service.request('GET', url)).body.status === 'inactive');
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(end));
    expect((await service.request('GET', url)).body).toMatchObject({ version: 4, blocked: null });
    expect(await typesOf(url)).toEqual(['UserCreated', 'UserDeactivated', 'UserBlocked', 'UserUnblocked']);
    expect((await eventsOf(service, url)).at(-1).data).toMatchObject({ ended_by: 'until', changed: ['ended_by'] });
  });

  it.skipIf(!available)('is over at that moment for whoever changes the user: its end comes right before the change, with it', async () => {
    const [url = ''] = await blockedUntilNow(1);
    const end = clock();
    clock = () => new Date(end.getTime() - 1);
    expectProblem(await service.request('PATCH', `${url}/bio`, { new_bio: 'Hi' }), 409, 'user-blocked');
    clock = () => end;
    const once = { 'if-match': '"2"', 'idempotency-key': url, 'x-request-id': url };
    expectProblem(await service.request('PATCH', `${url}/bio`, { new_bio: 'Hi' }, { 'if-match': '"3"' }), 412, 'version-conflict');
    expectProblem(await service.request('PATCH', `${url}/bio`, { new_bio: '\u0007' }), 422, 'validation-failed');
    const changed = await service.request('PATCH', `${url}/bio`, { new_bio: 'Hi' }, once);
    expect(changed).toMatchObject({ status: 200, headers: { etag: '"4"' }, body: { status: 'active', blocked: null, bio: 'Hi' } });
    const [, , ended, bio, ...more] = await eventsOf(service, url);
    expect([ended.type, bio.type, more]).toEqual(['UserUnblocked', 'UserBioChanged', []]);
    expect(ended.data).toMatchObject({ ended_by: 'until' });
    expect(ended).toMatchObject({ time: bio.time, correlationid: bio.correlationid, position: String(Number(bio.position) - 1) });

    await service.request('POST', `${url}/deactivate`);
    const again = await service.request('PATCH', `${url}/bio`, { new_bio: 'Hi' }, once);
    expect(again).toMatchObject({ headers: { etag: '"4"', 'idempotent-replayed': 'true' }, body: changed.body });
  });

  it.skipIf(!available)('is over for every command, once; a view of the profile leaves the user alone', async () => {
    const urls = await blockedUntilNow(commandsOnUser.length);
    const outcome = async ({ method, path, body }: (typeof commandsOnUser)[number], index: number) => {
      const url = urls[index] ?? '';
      const { status } = await service.request(method, `${url}${path}`, body, { prefer: 'wait=9', 'if-match': '"2"' });
      if (method === 'DELETE') return [path, status];
      const user = (await service.request('GET', url, undefined, { 'cache-control': 'no-cache' })).body;
      return [path, status, user.version, ...(await typesOf(url)).slice(2)];
    };
    const change = (path: string, own: string) => [path, 200, 4, 'UserUnblocked', own];
    expect(await Promise.all(commandsOnUser.map(outcome))).toEqual([
      ['', 200, 6, 'UserUnblocked', 'UserUsernameChanged', 'UserBioChanged', 'UserPrivacySettingsChanged'],
      change('/username', 'UserUsernameChanged'),
      change('/email', 'UserEmailChanged'),
      change('/phone', 'UserPhoneChanged'),
      change('/avatar-url', 'UserAvatarUrlChanged'),
      change('/bio', 'UserBioChanged'),
      change('/birth-date', 'UserBirthDateChanged'),
      change('/language-code', 'UserLanguageCodeChanged'),
      change('/privacy-settings', 'UserPrivacySettingsChanged'),
      ['/activate', 200, 3, 'UserUnblocked'],
      change('/deactivate', 'UserDeactivated'),
      change('/block', 'UserBlocked'),
      ['/unblock', 200, 3, 'UserUnblocked'],
      ['/profile-views', 200, 2],
      ['', 204],
    ]);
  });

  it.skipIf(!available)('ends for a change that was accepted before, once, and says when a command ended it', async () => {
    const [accepted = '', freed = ''] = await blockedUntilNow(2);
    const task = await service.request('PATCH', `${accepted}/bio`, { new_bio: 'Hi' }, { prefer: 'respond-async', 'if-match': '"2"' });
    expect(task.status).toBe(202);
    await until('it is changed', async () => (await service.request('GET', accepted)).body.version === 4);
    expect(await typesOf(accepted)).toEqual(['UserCreated', 'UserBlocked', 'UserUnblocked', 'UserBioChanged']);
    clock = () => new Date();
    expect((await service.request('POST', `${freed}/unblock`)).body).toMatchObject({ version: 3, status: 'active' });
    expect((await eventsOf(service, freed)).at(-1).data).toMatchObject({ ended_by: 'unblock' });
  });

  it.skipIf(!available)('stands where it was replaced by one without an end, and is not missed by one who unblocks before', async () => {
    // In the time of the service both ends lie ahead; in that of the database, which keeps the tasks, they are over.
    clock = () => new Date(Date.now() - 3_600_000);
    const end = new Date(Date.now() - 3_000_000).toISOString();
    const [replaced, freed, ended] = [await created(service), await created(service), await created(service)];
    const act = (user: any, path: string, body: object) => service.request('POST', `/api/users/${user.user_id}/${path}`, body);
    await service.app.execute({
      command: 'deactivate',
      user_id: ended.user_id,
      input: {},
      actor: null,
      correlation_id: null,
    });
    await Promise.all([
      act(replaced, 'block', { until: end }).then(() => act(replaced, 'block', {})),
      act(freed, 'block', { until: end }).then(() => act(freed, 'unblock', {})),
    ]);
    await act(ended, 'block', { until: end });
    await until(
      'the last block has ended',
      async () => (await service.request('GET', `/api/users/${ended.user_id}`)).body.status === 'inactive',
    );
    for (const user of [replaced, freed]) {
      const types = await typesOf(`/api/users/${user.user_id}`);
      // The worker may have been faster than the next request; then that one found a user who is not blocked.
      expect(types.filter((type: string) => type === 'UserUnblocked').length).toBeLessThanOrEqual(1);
    }
    expect((await service.request('GET', `/api/users/${replaced.user_id}`)).body.blocked).toMatchObject({ until: null });
    expect((await service.request('GET', `/api/users/${freed.user_id}`)).body.status).toBe('active');
  });
});

const postgres = storeKinds().at(-1);

describe.skipIf(!postgres?.available)('a block with an end, where only the API runs [needs PostgreSQL]', () => {
  // In the time of the services ends of blocks lie ahead; in that of the database, which keeps the tasks, they are over.
  let clock = () => new Date(Date.now() - HOUR_MS);
  const end = new Date(Date.now() - HOUR_MS / 2).toISOString();
  let place: Store;
  let one: Service;
  let other: Service;
  beforeAll(async () => {
    place = (await postgres?.make()) as Store;
    [one, other] = await Promise.all([
      startService(place.url, { role: 'api', now: () => clock() }),
      startService(place.url, { role: 'api' }),
    ]);
  });
  afterAll(async () => {
    await Promise.all([one?.stop(), other?.stop()]);
    await place?.drop();
  });

  const typesOf = async (url: string) => (await eventsOf(one, url)).map(({ type }: any) => type);

  it('ends by itself, and no other task is run', async () => {
    const { user_id } = await created(one);
    const url = `/api/users/${user_id}`;
    const task = (await one.request('PATCH', `${url}/email`, { new_email: `later.${user_id}@example.com` })).body;
    await one.request('POST', `${url}/block`, { until: end });
    for (const { request } of [one, other]) {
      await until('the block has ended', async () => (await request('GET', url)).body.status === 'active');
      expect((await request('GET', '/api/users/?status=blocked')).body.items).toEqual([]);
    }
    expect(await typesOf(url)).toEqual(['UserCreated', 'UserBlocked', 'UserUnblocked']);
    expect((await one.request('GET', `/api/users/tasks/${task.task_id}`)).body).toMatchObject({ status: 'queued', attempts: 0 });
    const metrics = await Promise.all([one, other].map(({ request }) => request('GET', '/metrics')));
    expect(metrics.map(({ text }) => text).join()).toContain('lumin_task_runs_total{command="end_block",outcome="done"} 1');
  });

  it('ends once, whoever is first: a change here, a change there, or nobody', async () => {
    const urls = await Promise.all(Array.from({ length: 20 }, async () => `/api/users/${(await created(one)).user_id}`));
    await Promise.all(urls.map((url) => one.request('POST', `${url}/block`, { until: end })));
    clock = () => new Date();
    const change = ({ request }: Service, url: string, new_bio: string) => request('PATCH', `${url}/bio`, { new_bio });
    const answers = await Promise.all(urls.flatMap((url) => [change(one, url, 'one'), change(other, url, 'other')]));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    for (const url of urls) {
      expect(await typesOf(url)).toEqual(['UserCreated', 'UserBlocked', 'UserUnblocked', 'UserBioChanged', 'UserBioChanged']);
    }
  });
});
