import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from '../../src/application/services/user-service.ts';
import { StoreFailure } from '../../src/infrastructure/persistence/database/database.ts';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { changeEmail, creation, newEmail, rename, request } from '../fixtures/people.ts';
import { until } from '../fixtures/until.ts';

const HOUR_MS = 3_600_000;
const idOf = (answer: Answer): string => ('task' in answer ? answer.task.task_id : '');

describe.each(storeKinds())('tasks on $name', ({ name, available, make }) => {
  let place: Store;
  let rig: Rig;
  /** What the application takes for the time. */
  let clock = () => new Date();
  beforeAll(async () => {
    if (!available) return;
    place = await make();
    rig = await openRig(place.url, { now: () => clock() });
  });
  afterEach(async () => {
    clock = () => new Date();
    await rig?.stopRunners();
  });
  afterAll(async () => {
    await rig?.close();
    await place?.drop();
  });

  const inputOf = async (taskId: string) =>
    (await rig.database.query<any>('select input is null as gone from tasks where task_id = $1', [taskId]))[0]?.gone;
  const tasksOf = (id: string) => rig.database.query('select status, input from tasks where user_id = $1', [id]);
  const leasesRunOut = () => rig.database.query(`update tasks set not_before = now() where status = 'running'`);
  const person = async () => {
    const wanted = creation();
    await rig.execute(wanted);
    return wanted.user_id;
  };

  it.skipIf(!available)('of one user run in the order in which they were accepted, whatever the clock says', async () => {
    const [one, two] = [await person(), await person()];
    const accepted: string[] = [];
    for (let i = 0; i < 12; i++) {
      // A clock that is set back, or that of another replica.
      clock = () => new Date(Date.now() + (6 - i) * HOUR_MS);
      for (const id of [one, two]) accepted.push(idOf(await rig.accept(rename(id, `Name${i}`))));
    }
    for (let worker = 0; worker < 3; worker++) rig.startRunner();
    for (const id of accepted) expect(await rig.ended(id)).toMatchObject({ status: 'succeeded', error: null });
    for (const id of [one, two]) {
      const names = (await rig.store.readStream(id, 1, 100)).map(({ personal }) => (personal as any).username.first_name);
      expect(names).toEqual(Array.from({ length: 12 }, (_, i) => `Name${i}`));
    }
  });

  it.skipIf(!available)('take effect once, also where two workers run the same one', async () => {
    const id = await person();
    const taskId = idOf(await rig.accept(rename(id, 'Task')));
    const [first] = await rig.tasks.claim('first', 10, 15);
    expect(await rig.tasks.claim('second', 10, 15)).toEqual([]);
    await leasesRunOut();
    const [again] = await rig.tasks.claim('second', 10, 15);
    expect([first?.task_id, again?.task_id]).toEqual([taskId, taskId]);
    await rig.runTask(first as never);
    // The late worker would put the name back.
    await rig.execute(rename(id, 'Since'));
    await rig.runTask(again as never);
    expect((await rig.users.find(id))?.user.username?.first_name).toBe('Since');
    expect(await rig.types(id)).toEqual(['UserCreated', 'UserUsernameChanged', 'UserUsernameChanged']);
    expect(await rig.ended(taskId)).toMatchObject({ status: 'succeeded', result_version: 2, attempts: 2 });
  });

  it.skipIf(!available)('lose their input when they end, and keep the problem that stopped them', async () => {
    const [id, email] = [await person(), newEmail()];
    const good = idOf(await rig.accept(rename(id, 'Good')));
    const bad = idOf(await rig.accept(changeEmail(id, email)));
    expect([await inputOf(good), await inputOf(bad)]).toEqual([false, false]);
    // Free when the task was accepted, but no longer.
    await rig.execute(creation({ email }));
    rig.startRunner();
    expect(await rig.ended(good)).toMatchObject({ status: 'succeeded', result_version: 2, error: null });
    expect(await rig.ended(bad)).toMatchObject({
      status: 'failed',
      result_version: null,
      error: { code: 'email-taken', errors: [{ pointer: '/new_email', code: 'email-taken' }] },
    });
    expect([await inputOf(good), await inputOf(bad)]).toEqual([true, true]);
  });

  it.skipIf(!available)('that are refused now are not accepted', async () => {
    const [id, email] = [await person(), newEmail()];
    await rig.execute(creation({ email }));
    await expect(rig.accept(changeEmail(id, email))).rejects.toMatchObject({ code: 'email-taken' });
    await expect(rig.accept(rename(id, 'Late', { if_match: [7] }))).rejects.toMatchObject({ code: 'version-conflict' });
    expect(await tasksOf(id)).toEqual([]);
  });

  // Takes as long as the service waits for a database that is away; once is enough.
  const once = name === 'PGlite' ? it : () => {};
  once('are tried again while the store is away, and not failed', async () => {
    const id = await person();
    const taskId = idOf(await rig.accept(rename(id, 'Task')));
    const [task] = await rig.tasks.claim('worker', 1, 15);
    rig.inject((sql) => {
      if (sql.includes('append_v2')) throw new StoreFailure('unsent', 'ECONNREFUSED');
    });
    await expect(rig.runTask(task as never)).rejects.toMatchObject({ code: 'store-unavailable' });
    expect(await rig.tasks.find(taskId)).toMatchObject({ status: 'queued', attempts: 1, error: null });
    rig.inject(() => {});
    rig.startRunner();
    expect(await rig.ended(taskId)).toMatchObject({ status: 'succeeded', result_version: 2 });
  });

  it.skipIf(!available)('are removed a week after their end, and once-only records after a day, a thousand at a time', async () => {
    const [task, key] = [idOf(await rig.accept(rename(await person(), 'Kept'))), 'kept'];
    await rig.database.query(
      `insert into tasks (task_id, command, user_id, status, due_at, not_before, created_at, finished_at)
       select 'old ' || n, 'change_bio', gen_random_uuid(), 'succeeded', now(), now(), now(), now() - interval '8 days' from generate_series(1, 1500) n`,
    );
    await rig.database.query(
      `insert into idempotency_keys (key, request_hash, status, user_id, version, command_id, created_at)
       select case n when 0 then $1 else 'old ' || n end, '', 200, gen_random_uuid(), 1, gen_random_uuid(),
         now() - case n when 0 then interval '23 hours' else interval '25 hours' end from generate_series(0, 1200) n`,
      [key],
    );
    const left = async () =>
      [
        ...(await rig.database.query<any>(`select count(*) as count from tasks where task_id like 'old %'`)),
        ...(await rig.database.query<any>(`select count(*) as count from idempotency_keys where key like 'old %'`)),
      ].map(({ count }) => count);
    expect([await rig.tasks.prune(), await left()]).toEqual([true, [500, 200]]);
    expect([await rig.tasks.prune(), await left()]).toEqual([false, [0, 0]]);
    expect(await rig.tasks.find(task)).not.toBeNull();
    expect((await rig.database.query('select from idempotency_keys where key = $1', [key])).length).toBe(1);
  });

  describe.skipIf(!available)('a block with an end', () => {
    const past = (minutes: number) => new Date(Date.now() - HOUR_MS + minutes * 60_000);
    const blockUntil = (id: Awaited<ReturnType<typeof person>>, end: Date | null, reason?: string) =>
      rig.execute(request('block', id, { until: end?.toISOString() ?? null, reason: reason ?? null }));

    it('ends by itself when its time is over', async () => {
      const id = await person();
      clock = () => past(0);
      await blockUntil(id, past(1), 'Spam');
      rig.startRunner();
      await until('the block ends', async () => (await rig.users.find(id))?.user.status === 'active');
      expect(await rig.types(id)).toEqual(['UserCreated', 'UserBlocked', 'UserUnblocked']);
      expect(await tasksOf(id)).toEqual([{ status: 'succeeded', input: null }]);
    });

    it('is not waited for as a message is, nor for what else of the user waits', async () => {
      const [id, other] = [await person(), await person()];
      const waiting = idOf(await rig.accept(rename(id, 'Waits')));
      await rig.database.query(`update tasks set due_at = now() - interval '2 hours', not_before = now() where task_id = $1`, [waiting]);
      clock = () => past(0);
      for (const one of [id, other]) await blockUntil(one, past(1));
      const overdue = await rig.tasks.claim('worker', 10, 15, { overdueSeconds: 3_600_000 });
      const ends = await rig.tasks.claim('api', 10, 15, { blockEnds: true });
      expect([overdue, ends].map((claimed) => claimed.map(({ command, user_id }) => [command, user_id]))).toEqual([
        [['end_block', other]],
        [['end_block', id]],
      ]);
      expect(await rig.tasks.claim('api', 10, 15, { blockEnds: true })).toEqual([]);
      for (const task of [...overdue, ...ends]) await rig.runTask(task);
      await rig.runTask((await rig.tasks.claim('worker', 10, 15))[0] as never);
      expect(await rig.ended(waiting)).toMatchObject({ status: 'succeeded' });
    });

    it('does not end before', async () => {
      const id = await person();
      await blockUntil(id, new Date(Date.now() + HOUR_MS));
      expect(await rig.tasks.claim('worker', 10, 15)).toEqual([]);
    });

    it('leaves one task however often it is replaced, and none that another user could miss', async () => {
      const [id, other] = [await person(), await person()];
      await blockUntil(other, new Date(Date.now() + HOUR_MS));
      for (let minutes = 1; minutes <= 20; minutes++) await blockUntil(id, new Date(Date.now() + HOUR_MS + minutes * 60_000));
      expect([(await tasksOf(id)).length, (await tasksOf(other)).length]).toEqual([1, 1]);
    });

    it.each([
      ['by one without an end', null],
      ['by one with a later end', new Date(Date.now() + HOUR_MS)],
    ])('does not end when it was replaced %s', async (_, end) => {
      const id = await person();
      clock = () => past(0);
      await blockUntil(id, past(1));
      const [task] = await rig.tasks.claim('worker', 10, 15);
      await blockUntil(id, end);
      await rig.runTask(task as never);
      expect(await rig.ended(task?.task_id ?? '')).toMatchObject({ status: 'succeeded' });
      expect((await rig.users.find(id))?.user.status).toBe('blocked');
      expect(await rig.types(id)).toEqual(['UserCreated', 'UserBlocked', 'UserBlocked']);
    });
  });
});
