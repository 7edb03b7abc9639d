import { describe, expect, it } from 'vitest';
import { openRig } from '../fixtures/application-rig.ts';
import { killNine, listening, startMain } from '../fixtures/child.ts';
import { storeKinds } from '../fixtures/database-kinds.ts';
import { creation, newEmail } from '../fixtures/people.ts';
import { until } from '../fixtures/until.ts';

describe.concurrent.each(storeKinds())('a task that was accepted on $name', ({ available, make }) => {
  it.skipIf(!available)('takes effect once, although the process is killed before any worker gets to it', async () => {
    const place = await make();
    try {
      const person = creation();
      let rig = await openRig(place.url);
      await rig.execute(person);
      // No worker gets a task: every update of a task is dropped.
      await rig.database.query(`create function never() returns trigger language plpgsql as 'begin return null; end'`);
      await rig.database.query('create trigger never before update on tasks for each row execute function never()');
      await rig.close();

      const child = startMain({ DATABASE_URL: place.url });
      const [address, email] = [await listening(child), newEmail()];
      await until('it is ready', async () => (await fetch(`${address}/health/ready`)).ok);
      const accepted = await fetch(`${address}/api/users/${person.user_id}/email?new_email=${email}`, { method: 'PATCH' });
      expect(accepted.status).toBe(202);
      const { task_id } = (await accepted.json()) as { task_id: string };
      await killNine(child);

      rig = await openRig(place.url);
      expect(await rig.tasks.find(task_id)).toMatchObject({ status: 'queued', attempts: 0 });
      await rig.database.query('drop function never() cascade');
      rig.startRunner();
      await until('the task ends', async () => (await rig.tasks.find(task_id))?.status === 'succeeded');
      expect((await rig.users.find(person.user_id))?.user.email).toBe(email);
      expect(await rig.types(person.user_id)).toEqual(['UserCreated', 'UserEmailChanged']);
      await rig.close();
    } finally {
      await place.drop();
    }
  });
});
