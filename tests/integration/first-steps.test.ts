import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { type Service, startService } from '../fixtures/http-service.ts';

const john = {
  user_id: '550e8400-e29b-41d4-a716-446655440000',
  username: { first_name: 'John', last_name: 'Doe' },
  phone: '+79991234567',
  email: 'john.doe@example.com',
  language_code: 'en',
};

describe.each(storeKinds())('the four requests of the README on $name', ({ available, make }) => {
  let store: Store;
  let service: Service;

  beforeAll(async () => {
    if (!available) return;
    store = await make();
    service = await startService(store.url);
  });
  afterAll(async () => {
    await service?.stop();
    await store?.drop();
  });

  it.skipIf(!available)('create, read, change the email address and watch the task', async () => {
    const created = await service.request('POST', '/api/users/', john);
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({ ...john, version: 1 });
    expect(created.headers).toMatchObject({ etag: '"1"', location: `/api/users/${john.user_id}` });

    const read = await service.request('GET', `/api/users/${john.user_id}`);
    expect(read.body).toEqual(created.body);

    const accepted = await service.request('PATCH', `/api/users/${john.user_id}/email?new_email=new@example.com`);
    expect(accepted.status).toBe(202);
    const task = await service.app.awaitTask(accepted.body.task_id, 5_000);
    expect(task).toMatchObject({ status: 'succeeded', result_version: 2 });

    const changed = await service.request('GET', `/api/users/${john.user_id}`);
    expect(changed.body).toMatchObject({ email: 'new@example.com', version: 2 });
  });
});
