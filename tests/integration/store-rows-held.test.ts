import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import type { CommandRequest } from '../../src/application/services/user-service.ts';
import { taskId } from '../../src/application/tasks/task-id.ts';
import type { UserId } from '../../src/domain/value-objects/user-id.ts';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { changeEmail, creation, newEmail, newId, rename, request } from '../fixtures/people.ts';
import { until } from '../fixtures/until.ts';

const postgres = storeKinds().at(-1);
const codeOf = (answer: Promise<unknown>) =>
  answer.then(
    () => 'done',
    ({ code, message }) => code ?? message,
  );

describe.skipIf(inject('postgresUrl') === null)('while another session holds [needs PostgreSQL]', () => {
  let place: Store;
  /** Two processes of the service. */
  let one: Rig;
  let two: Rig;
  let stranger: pg.Client;
  beforeAll(async () => {
    place = (await postgres?.make()) as Store;
    [one, two] = [await openRig(place.url), await openRig(place.url)];
    stranger = new pg.Client({ connectionString: place.url });
    await stranger.connect();
  });
  afterEach(() => stranger.query('rollback'));
  afterAll(async () => {
    await stranger?.end();
    await one?.close();
    await two?.close();
    await place?.drop();
  });

  const newUser = async (): Promise<UserId> => {
    const person = creation();
    await one.execute(person);
    return person.user_id;
  };
  const view = (viewed: UserId, viewer_id: UserId) => request('record_profile_view', viewed, { viewer_id, source: null });

  /** A record of yesterday, which the next answer under the key replaces. */
  const oldKey = async (user_id: UserId): Promise<string> => {
    const key = `key of ${user_id}`;
    await one.execute(rename(user_id, 'Key', { once: { key, request_hash: 'request', status: 200 } }));
    await one.database.query(`update idempotency_keys set created_at = created_at - interval '25 hours' where key = $1`, [key]);
    return key;
  };
  const acceptedTask = async (user_id: UserId): Promise<string> => {
    const answer = await one.accept(rename(user_id, 'Task'));
    return 'task' in answer ? answer.task.task_id : '';
  };

  /** Of each row that an append takes: the change of this user that needs it, and what a stranger holds it with. */
  const rows: Record<string, (user: UserId) => Promise<{ needs: CommandRequest; sql: string; value: unknown; more?: unknown }>> = {
    'the row of a user': async (user) => ({
      needs: rename(user, 'Bea'),
      sql: 'select from users where user_id = $1 for update',
      value: user,
    }),
    'the row of a user, as a reference to it does': async (user) => ({
      needs: rename(user, 'Bea'),
      sql: 'select from users where user_id = $1 for key share',
      value: user,
    }),
    'the task that a change completes': async (user) => {
      const task = await acceptedTask(user);
      return { needs: rename(user, 'Bea', { completes: task }), sql: 'select from tasks where task_id = $1 for update', value: task };
    },
    'the end of a block that another block replaces': async (user) => {
      await one.execute(request('block', user, { reason: 'Once', until: '2090-01-01T00:00:00Z' }));
      return {
        needs: request('block', user, { reason: 'Twice', until: '2091-01-01T00:00:00Z' }),
        sql: `select from tasks where user_id = $1 and command = 'end_block' for update`,
        value: user,
      };
    },
    'the answer of yesterday under a once-only key': async (user) => {
      const key = await oldKey(user);
      return {
        needs: rename(user, 'Bea', { once: { key, request_hash: 'request', status: 200 } }),
        sql: 'select from idempotency_keys where key = $1 for update',
        value: key,
      };
    },
    'the count of the views of a profile': async (user) => {
      const viewer = await newUser();
      await one.execute(view(user, viewer));
      return {
        needs: view(user, await newUser()),
        sql: 'select from profile_view_counts where user_id = $1 for update',
        value: user,
      };
    },
    'the last view of a viewer': async (user) => {
      const viewer = await newUser();
      await one.execute(view(user, viewer));
      await one.database.query(`update profile_viewers set hour = hour - interval '2 hours' where viewer_id = $1`, [viewer]);
      return { needs: view(user, viewer), sql: 'select from profile_viewers where viewer_id = $1 for update', value: viewer };
    },
    'an address that it has not committed': async (user) => {
      const email = newEmail();
      const insert = `insert into users (user_id, version, fold, status, email_key, state, created_position, position)
        values ($1, 1, 1, 'active', $2, '{}', -1, -1)`;
      return { needs: changeEmail(user, email), sql: insert, value: newId(), more: email.toLowerCase() };
    },
    'a user whom it has not committed': async () => {
      const person = creation();
      const insert = `insert into users (user_id, version, fold, status, state, created_position, position)
        values ($1, 1, 1, 'active', '{}', -2, -2)`;
      return { needs: person, sql: insert, value: person.user_id };
    },
  };

  const hold = async (sql: string, ...values: unknown[]): Promise<void> => {
    await stranger.query('begin');
    const { rowCount } = await stranger.query(sql, values);
    expect(rowCount).toBe(1);
  };

  it.concurrent.each(Object.entries(rows))(
    '%s, the change that needs it hears so, all others are made meanwhile, and it is when the row is free',
    async (_, prepare) => {
      const [user, other] = [await newUser(), await newUser()];
      const { needs, sql, value, more } = await prepare(user);
      const before = await one.types(needs.user_id);
      const holder = new pg.Client({ connectionString: place.url });
      await holder.connect();
      await holder.query('begin');
      expect((await holder.query(sql, more === undefined ? [value] : [value, more])).rowCount).toBe(1);

      const refused = codeOf(one.execute(needs));
      for (const rig of [one, two, one, two]) {
        await rig.execute(creation());
        await rig.execute(rename(other, rig === one ? 'One' : 'Two'));
      }
      expect(await refused).toBe('store-busy');
      expect(await one.types(needs.user_id)).toEqual(before);

      await holder.query('rollback');
      await holder.end();
      await until('it is made', async () => (await codeOf(one.execute(needs))) === 'done');
    },
  );

  it('any of these, the log and what is made of it agree afterwards', async () => expect((await two.verify()).violations).toEqual([]));

  it('a row for a moment, the change that needs it is made and nobody hears of it', async () => {
    const user = await newUser();
    await hold('select from users where user_id = $1 for update', user);
    const before = one.batches.length;
    const changed = codeOf(one.execute(rename(user, 'Bea')));
    await until('it has been tried twice', () => one.batches.length >= before + 2);
    await stranger.query('rollback');
    expect(await changed).toBe('done');
  });

  it('the row of a user, an answer that was given under a once-only key is given again', async () => {
    const user = await newUser();
    const once = { key: 'given before', request_hash: 'request', status: 200 };
    await one.execute(rename(user, 'Bea', { once }));
    await hold('select from idempotency_keys where key = $1 for update', once.key);
    expect(await one.execute(rename(user, 'Bea', { once }))).toMatchObject({ replayed: true });
  });

  it('a table, all hear so, and all are served when it is free', async () => {
    const user = await newUser();
    await stranger.query('begin; lock table profile_view_counts');
    const codes = await Promise.all([
      codeOf(one.execute(rename(user, 'Bea'))),
      codeOf(one.execute(creation())),
      codeOf(two.execute(creation())),
    ]);
    // On a busy machine the last try may have taken longer than those before it.
    for (const code of codes) expect(code).toMatch(/^(?:store-busy|outcome-unknown)$/);
    expect(codes).toContain('store-busy');
    await stranger.query('rollback');
    expect(await codeOf(one.execute(rename(user, 'Bea')))).toBe('done');
  });

  it('the row of a user, a task that needs it is tried again later', async () => {
    const user = await newUser();
    const accepted = await acceptedTask(user);
    await hold('select from users where user_id = $1 for update', user);
    const runner = one.startRunner();
    await until('it was given back', async () => {
      const [task] = await one.database.query<{ again: boolean }>(
        `select attempts > 0 and status = 'queued' and lease_owner is null as again from tasks where task_id = $1`,
        [accepted],
      );
      return task?.again;
    });
    await stranger.query('rollback');
    expect(await one.ended(accepted)).toMatchObject({ status: 'succeeded' });
    await runner.stop();
  });

  it('nothing, and a task of which there is none is none that is held', async () => {
    const completes = taskId(randomBytes(16));
    expect(await codeOf(one.execute(rename(await newUser(), 'Bea', { completes })))).toBe('done');
  });
});
