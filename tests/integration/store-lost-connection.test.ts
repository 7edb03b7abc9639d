import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { openRig, type Rig } from '../fixtures/application-rig.ts';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { headHolder } from '../fixtures/head-holder.ts';
import { creation, rename, tally } from '../fixtures/people.ts';
import { type Cut, startProxy } from '../fixtures/tcp-proxy.ts';
import { until } from '../fixtures/until.ts';

const postgres = storeKinds().at(-1);

describe.skipIf(inject('postgresUrl') === null)('a connection to PostgreSQL that is cut [needs PostgreSQL]', () => {
  let place: Store;
  let rig: Rig;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let holder: Awaited<ReturnType<typeof headHolder>>;

  beforeAll(async () => {
    place = (await postgres?.make()) as Store;
    proxy = await startProxy(place.url);
    rig = await openRig(proxy.url);
    holder = await headHolder(place.url);
  });
  afterEach(() => holder.release());
  afterAll(async () => {
    await rig?.close();
    await holder?.close();
    await proxy?.close();
    await place?.drop();
  });

  /** A create and a change, in one batch of ten. */
  const commands = async () => {
    const old = creation();
    await rig.execute(old);
    return [...Array.from({ length: 9 }, () => creation()), rename(old.user_id, 'Ada')];
  };
  const all = (requests: Awaited<ReturnType<typeof commands>>) => Promise.allSettled(requests.map((request) => rig.execute(request)));

  const expectOnce = async (requests: Awaited<ReturnType<typeof commands>>) => {
    for (const { command, user_id } of requests) {
      expect(await rig.types(user_id)).toEqual(command === 'create' ? ['UserCreated'] : ['UserCreated', 'UserUsernameChanged']);
    }
    expect((await rig.verify()).violations).toEqual([]);
  };

  it('while the append waits for the head row: the command succeeds, once', async () => {
    const requests = await commands();
    await holder.hold();
    const results = all(requests);
    const [pid] = await holder.awaitWaiting(1);
    await holder.terminate(pid as number);
    await holder.awaitWaiting(1);
    await holder.release();
    expect(tally(await results)).toEqual({ ok: 10 });
    await expectOnce(requests);
  });

  it('while the server goes on waiting for the head row and will still commit: the command succeeds, once', async () => {
    const requests = await commands();
    await holder.hold();
    const results = all(requests);
    await holder.awaitWaiting(1);
    proxy.cutAll();
    // The append that nobody listens to any more, and the next try behind it.
    await holder.awaitWaiting(2);
    await holder.release();
    expect(tally(await results)).toEqual({ ok: 10 });
    await expectOnce(requests);
  });

  const moments: [string, Cut][] = [
    ['just after the statement was sent', { afterRequest: 'command_id' }],
    ['after the commit, before anyone heard of it', { beforeAnswer: 'outcome' }],
  ];
  it.each(moments)('%s: the command succeeds, once', async (_, cut) => {
    const requests = await commands();
    const before = proxy.cuts();
    proxy.cutNext(cut);
    expect(tally(await all(requests))).toEqual({ ok: 10 });
    expect(proxy.cuts()).toBe(before + 1);
    await expectOnce(requests);
  });

  it('after the commit: a command with an Idempotency-Key, and one that is accepted as a task, succeed once', async () => {
    const once = { key: 'lost connection', request_hash: 'request', status: 201 };
    const [person, other] = [creation({}, { once }), creation()];
    await rig.execute(other);
    proxy.cutNext({ beforeAnswer: 'outcome' });
    const [created, task] = await Promise.all([rig.execute(person), rig.accept(rename(other.user_id, 'Task'))]);
    expect([created.replayed, task.replayed]).toEqual([false, false]);
    expect(await rig.types(person.user_id)).toEqual(['UserCreated']);
    expect(await rig.database.query('select count(*) from tasks where user_id = $1', [other.user_id])).toEqual([{ count: 1 }]);
  });

  it('before a read is answered: the read is tried again', async () => {
    const person = creation();
    await rig.execute(person);
    proxy.cutNext({ beforeAnswer: 'fold' });
    expect(await rig.users.find(person.user_id)).toMatchObject({ version: 1 });
  });

  it('with all the others, while nothing is under way: nobody notices', async () => {
    await Promise.all(Array.from({ length: 8 }, () => rig.execute(creation())));
    const [before] = await rig.database.query<{ pid: number }>('select pg_backend_pid() as pid');
    proxy.cutAll();
    await until('the pool has new connections', async () => {
      const [now] = await rig.database.query<{ pid: number }>('select pg_backend_pid() as pid').catch(() => []);
      return now && now.pid !== before?.pid;
    });
    expect(await rig.execute(creation())).toMatchObject({ replayed: false });
  });
});
