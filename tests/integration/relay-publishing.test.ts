import { afterEach, describe, expect, inject, test } from 'vitest';
import { relayStatus } from '../../src/infrastructure/persistence/log/relay-checkpoint.ts';
import { anyStore, storeKinds } from '../fixtures/database-kinds.ts';
import { newEmail, newId, request } from '../fixtures/people.ts';
import { openRelayRig, type RelayRig } from '../fixtures/relay-rig.ts';
import { until } from '../fixtures/until.ts';

const natsUrl = inject('natsUrl');
const open: RelayRig[] = [];
const rigOn = async (make = anyStore): Promise<RelayRig> => {
  const rig = await openRelayRig(await make(), natsUrl as string);
  open.push(rig);
  return rig;
};
afterEach(async () => {
  for (const rig of open.splice(0)) await rig.close();
});

describe.skipIf(natsUrl === null)('relaying the log to JetStream [needs NATS: set TEST_NATS_URL or install nats-server]', () => {
  describe.each(storeKinds())('from $name', ({ available, make }) => {
    test.skipIf(!available)(
      'every event arrives once, in the order of the log: those from before the start and those after it',
      async () => {
        const rig = await rigOn(make);
        const [userId] = await rig.write(150);
        rig.startRelay();
        await rig.thenStreamIsLog();
        await rig.execute(request('record_profile_view', userId ?? newId(), { viewer_id: newId() }));
        await rig.write(20);
        await rig.thenStreamIsLog();
      },
    );
  });

  test('a message is a CloudEvent under a subject of user and type, with its id, its deployment and its media type', async () => {
    const rig = await rigOn();
    const [userId] = await rig.write(1);
    rig.startRelay();
    await rig.complete();
    const [created, renamed] = await rig.messages();
    expect(created?.subject).toBe(`${rig.unique}.users.${userId}.UserCreated`);
    expect(renamed?.subject).toBe(`${rig.unique}.users.${userId}.UserUsernameChanged`);
    expect(renamed?.header('content-type')).toBe('application/cloudevents+json');
    expect(renamed?.header('Lumin-Deployment')).toBe(rig.unique);
    expect(renamed?.header('Nats-Msg-Id')).toBe(`user-${userId}:2`);
    expect(renamed?.body).toMatchObject({
      specversion: '1.0',
      id: `user-${userId}:2`,
      type: 'lumin.users.UserUsernameChanged.v1',
      subject: userId,
      position: '2',
      version: 2,
    });
  });

  test('personal data leaves the service only where it is to be included, and not of a deleted user', async () => {
    const rig = await rigOn();
    const [kept, deleted] = [newEmail(), newEmail()];
    await rig.execute({ ...request('create', newId(), { username: { first_name: 'Ann' }, email: kept }) });
    const gone = newId();
    await rig.execute(request('create', gone, { username: { first_name: 'Ann' }, email: deleted }));
    await rig.execute(request('delete', gone, {}));
    const omitting = { stream: `${rig.unique}-a`, prefix: `${rig.unique}a` };
    const including = { stream: `${rig.unique}-b`, prefix: `${rig.unique}b`, personal: 'include' as const };
    await rig.startRelay(omitting);
    await rig.complete(omitting);
    expect(JSON.stringify(await rig.messages(omitting))).not.toMatch(new RegExp(`Ann|${kept}|${deleted}`));
    await rig.stopRelays();
    rig.startRelay(including);
    await rig.complete(including);
    const text = JSON.stringify(await rig.messages(including));
    expect(text).toContain(kept);
    expect(text).not.toContain(deleted);
  });

  test('two deployments share a stream under different prefixes, both busy, and neither loses or reorders an event', async () => {
    const [one, two] = [await rigOn(), await rigOn()];
    const shared = one.unique;
    one.startRelay({ stream: shared });
    two.startRelay({ stream: shared });
    await Promise.all(
      [one, two].map(async (rig) => {
        for (let i = 0; i < 15; i++) await rig.write(40);
      }),
    );
    await one.thenStreamIsLog({ stream: shared });
    await two.thenStreamIsLog({ stream: shared });
    const { subjects } = (await one.streams.info(shared)).config;
    expect(subjects.toSorted()).toEqual([`${one.unique}.users.>`, `${two.unique}.users.>`].toSorted());
  });

  test('what another database published under the same subjects stays, and ours comes after it', async () => {
    const [old, fresh] = [await rigOn(), await rigOn()];
    const where = { stream: old.unique, prefix: old.unique };
    await old.write(5);
    old.startRelay(where);
    await old.complete(where);
    await old.stopRelays();
    await fresh.write(5);
    fresh.startRelay(where);
    await until('both are there', async () => (await old.messages(where)).length === 20);
    await fresh.stopRelays();
    await fresh.write(1);
    fresh.startRelay(where);
    await until('all of ours are there once', async () => (await old.messages(where)).length >= 22);
    const messages = await old.messages(where);
    expect(messages.map(({ header }) => header('Lumin-Deployment'))).toEqual([
      ...Array(10).fill(old.unique),
      ...Array(12).fill(fresh.unique),
    ]);
    expect(messages.slice(10).map(({ body }) => Number(body.position))).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
  });

  test('how far it is, how far behind and whether somebody leads can be seen in the database', async () => {
    const rig = await rigOn();
    await rig.write(3);
    expect(await relayStatus(rig.database)).toMatchObject({ position: 0, head: 6, lag: 6, leader: false, lagging_ms: expect.any(Number) });
    const relay = rig.startRelay();
    const status = await until('it is seen', async () => {
      const seen = await relayStatus(rig.database);
      return seen.lag === 0 && seen;
    });
    expect(status).toEqual({ position: 6, head: 6, lag: 0, leader: true, lagging_ms: null, stream_ahead: false, drops_unread: false });
    expect(relay.status()).toEqual({ leading: true, position: 6, trouble: null, published: 6, streamAhead: false });
  });

  test('a stream that already has wider subjects is used as it is', async () => {
    const rig = await rigOn();
    await rig.streams.add({ name: rig.unique, subjects: [`${rig.unique}.>`] });
    await rig.write(2);
    rig.startRelay();
    await rig.thenStreamIsLog();
    expect((await rig.streams.info(rig.unique)).config.subjects).toEqual([`${rig.unique}.>`]);
  });

  test('while another stream has the subjects it waits and says so once, and goes on when they are free', async () => {
    const rig = await rigOn();
    await rig.streams.add({ name: `${rig.unique}-other`, subjects: [`${rig.unique}.users.>`] });
    await rig.write(2);
    const relay = rig.startRelay();
    await until('it says so', () => relay.status().trouble === 'another stream has these subjects');
    await rig.streams.delete(`${rig.unique}-other`);
    await rig.thenStreamIsLog();
    expect(rig.logs.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });
});
