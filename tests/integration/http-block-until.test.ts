import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { created } from '../fixtures/http.ts';
import { type Service, startService } from '../fixtures/http-service.ts';
import { until } from '../fixtures/until.ts';

describe.each(storeKinds())('a block with an end, over HTTP on $name', ({ available, make }) => {
  let place: Store;
  let service: Service;
  let clock = () => new Date();
  beforeAll(async () => {
    if (!available) return;
    place = await make();
    service = await startService(place.url, { now: () => clock() });
  });
  afterAll(async () => {
    await service?.stop();
    await place?.drop();
  });

  const typesOf = async (url: string) =>
    (await service.request('GET', `${url}/events`)).body.items.map(({ type }: any) => type.split('.').at(-2));

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
