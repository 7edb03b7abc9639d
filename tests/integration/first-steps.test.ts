import { expect, it } from 'vitest';
import { onEachDatabase } from '../fixtures/database-kinds.ts';
import { useService } from '../fixtures/http-service.ts';

const john = {
  user_id: '550e8400-e29b-41d4-a716-446655440000',
  username: { first_name: 'John', last_name: 'Doe' },
  phone: '+79991234567',
  email: 'john.doe@example.com',
  language_code: 'en',
};

onEachDatabase('the four requests of the README', (make) => {
  const service = useService({ make });

  it('create, read, change the email address and watch the task', async () => {
    const created = await service.request('POST', '/api/users/', john);
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({ ...john, version: 1 });
    expect(created.headers).toMatchObject({ etag: '"1"', location: `/api/users/${john.user_id}` });

    const read = await service.request('GET', `/api/users/${john.user_id}`);
    expect(read.body).toEqual(created.body);

    const accepted = await service.request('PATCH', `/api/users/${john.user_id}/email?new_email=new@example.com`);
    expect(accepted.status).toBe(202);
    const task = await service.app.awaitTask(accepted.body.task_id, 100_000);
    expect(task).toMatchObject({ status: 'succeeded', result_version: 2 });

    const changed = await service.request('GET', `/api/users/${john.user_id}`);
    expect(changed.body).toMatchObject({ email: 'new@example.com', version: 2 });
  });
});
