import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { RetentionPolicy } from '@nats-io/jetstream';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventStream } from '../../src/infrastructure/messaging/event-stream.ts';
import { type Database, StoreFailure } from '../../src/infrastructure/persistence/database/database.ts';
import { eventFeed } from '../../src/infrastructure/persistence/log/event-feed.ts';
import { relayStatus } from '../../src/infrastructure/persistence/log/relay-checkpoint.ts';
import { anyStore } from '../fixtures/database-kinds.ts';
import { findNats, type OwnServer, startNats } from '../fixtures/own-servers.ts';
import { codeOf, openRelayRig, type RelayRig } from '../fixtures/relay-rig.ts';
import { until } from '../fixtures/until.ts';

let server: OwnServer | null = null;
beforeAll(async () => {
  server = await startNats();
});
afterAll(() => server?.stop());

let rig: RelayRig;
const started = async (): Promise<RelayRig> => {
  rig = await openRelayRig(await anyStore(), server?.url as string);
  return rig;
};
afterEach(() => rig.close());

/** A process that is killed or stopped at a moment of the test's choice: from then on none of its statements is answered. */
const mortal = (dies: (sql: string) => boolean) => {
  let dead = false;
  return {
    dead: () => dead,
    database: (real: Database): Database => ({
      ...real,
      query: (sql, values) => {
        dead ||= dies(sql);
        return dead ? Promise.reject(new StoreFailure('unknown')) : real.query(sql, values);
      },
    }),
  };
};

describe.skipIf(findNats() === undefined)('the relay when something fails [needs nats-server]', () => {
  test('one of two leads; when it stops the other goes on at once, and nothing is published twice', async () => {
    await started();
    const first = rig.startRelay();
    await until('the first leads', () => first.status().leading);
    const second = rig.startRelay();
    await rig.write(20);
    await rig.thenStreamIsLog();
    expect(second.status().leading).toBe(false);
    const [lead] = await rig.database.query<{ owner: string }>('select owner from leases');
    await first.stop();
    expect(await rig.database.query('select owner from leases where until > clock_timestamp()')).not.toContainEqual(lead);
    await until('the second leads', () => second.status().leading);
    await rig.write(20);
    await rig.thenStreamIsLog();
  });

  test('a leader that dies after the acknowledgements and before its checkpoint is followed within seconds, without doubles', async () => {
    await started();
    const { database, dead } = mortal((sql) => sql.includes('insert into checkpoints'));
    const first = rig.startRelay({ database });
    await until('the first leads', () => first.status().leading);
    const second = rig.startRelay();
    await rig.write(30);
    await until('the first died', dead);
    await rig.write(30);
    await until('the second leads', () => second.status().leading);
    await rig.thenStreamIsLog();
  });

  test('a late leader that wakes up and publishes what it had read is refused', async () => {
    await started();
    // The server must not know the events again by their ids.
    await rig.streams.add({ name: rig.unique, subjects: [`${rig.unique}.users.>`], duplicate_window: 100e6 });
    rig.startRelay();
    await rig.write(2);
    await rig.complete();
    const late = eventStream({ name: rig.unique, prefix: rig.unique, deployment: rig.unique, code: codeOf(rig.unique) });
    const seen = await late.look(rig.client, { known: null, upTo: 0, agrees: async () => false });
    const place = { ...seen, position: 4, event: null, alone: false };
    await rig.write(3);
    await rig.complete();
    const { state } = await rig.streams.info(rig.unique);
    await until('the ids are forgotten', () => Date.now() - Date.parse(state.last_ts) > 400);
    const { events: read } = await eventFeed(rig.database, 'omit').read(4, 100);
    await expect(late.publish(rig.client, read, place, { mayGoOn: () => true, renamed: false })).rejects.toMatchObject({ code: 10071 });
    await rig.thenStreamIsLog();
  });

  test('writes go on while NATS is away, and the stream is complete afterwards', async () => {
    await started();
    rig.startRelay();
    await rig.write(10);
    await rig.complete();
    await server?.kill();
    await rig.write(60);
    await server?.restart();
    await rig.thenStreamIsLog();
  });

  test('NATS killed again and again under load: each event once, in order', async () => {
    await started();
    rig.startRelay();
    for (let round = 0; round < 3; round++) {
      const writing = rig.write(150);
      await until(
        'some were published',
        async () => ((await rig.streams.info(rig.unique).catch(() => null))?.state.last_seq ?? 0) > round * 200,
      );
      await server?.kill();
      await writing;
      await server?.restart();
    }
    await rig.thenStreamIsLog();
  });

  test('a stream that is deleted is made and filled again, though nothing new happens, when the server is done with its files', async () => {
    await started();
    rig.startRelay();
    await rig.write(40);
    await rig.complete();
    await rig.streams.delete(rig.unique);
    const deleted = Date.now();
    await rig.thenStreamIsLog();
    const { created } = await rig.streams.info(rig.unique);
    // A little less than the two seconds, for clocks that are set.
    expect(Date.parse(created) - deleted).toBeGreaterThan(1_900);
  });

  test('a stream deleted under load is made anew, and all that it takes can be read', async () => {
    await started();
    rig.startRelay();
    for (let round = 0; round < 2; round++) {
      const writing = rig.write(100);
      const before = round * 200;
      await until('some were published', async () => (await rig.publishedIds().catch(() => [])).length > before);
      await rig.streams.delete(rig.unique);
      await writing;
    }
    await rig.thenStreamIsLog();
  });

  test.each([
    ['our own', 1],
    ['a stream that remembers ids for two minutes', 120],
  ])('what is purged from %s is published again', async (_, seconds) => {
    await started();
    await rig.streams.add({ name: rig.unique, subjects: [`${rig.unique}.users.>`], duplicate_window: seconds * 1e9 });
    rig.startRelay();
    await rig.write(40);
    await rig.complete();
    await rig.streams.purge(rig.unique);
    await rig.thenStreamIsLog();
  });

  test('a purge that nobody notices before the next event is noticed all the same', async () => {
    await started();
    const relay = rig.startRelay();
    await rig.write(40);
    await rig.complete();
    let purged = false;
    while (!purged) {
      await rig.streams.purge(rig.unique);
      await rig.write(1);
      const { state } = await rig.streams.info(rig.unique);
      purged = state.messages === 2;
    }
    await rig.complete();
    await until('all is well', () => relay.status().trouble === null);
  });

  test("what an old copy of the server's folder lacks is published again", async () => {
    await started();
    rig.startRelay();
    await rig.write(20);
    await rig.complete();
    const [data, copy] = ['jetstream', 'copy'].map((name) => join(server?.folder as string, name)) as [string, string];
    await server?.kill();
    cpSync(data, copy, { recursive: true });
    await server?.restart();
    await rig.write(20);
    await rig.complete();
    await server?.kill();
    rmSync(data, { recursive: true });
    cpSync(copy, data, { recursive: true });
    await server?.restart();
    await rig.thenStreamIsLog();
  });

  test('a full stream stops the relay, loses nothing, and is filled on when there is room', async () => {
    await started();
    await rig.streams.add({ name: rig.unique, subjects: [`${rig.unique}.users.>`], discard: 'new', max_msgs: 15 });
    const relay = rig.startRelay();
    await rig.write(20);
    await until('it is full', () => relay.status().trouble === 'the stream is full');
    expect((await rig.publishedIds()).length).toBe(15);
    await rig.streams.update(rig.unique, { max_msgs: -1 });
    await rig.thenStreamIsLog();
    expect(rig.logs.filter(({ text }) => text.includes('the stream is full'))).toHaveLength(1);
  });

  test('what the limits of the stream took away is not published again, also by the next process', async () => {
    await started();
    await rig.streams.add({ name: rig.unique, subjects: [`${rig.unique}.users.>`], max_age: 500e6, duplicate_window: 100e6 });
    const relay = rig.startRelay();
    await rig.write(10);
    await until('they were there and are gone', async () => {
      const { state } = await rig.streams.info(rig.unique);
      return state.last_seq === 20 && state.messages === 0;
    });
    await rig.stopRelays();
    expect(relay.status().leading).toBe(false);
    const next = rig.startRelay();
    await until('the next leads', () => next.status().position === 20);
    await rig.write(1);
    await until('it goes on', () => next.status().position === 22);
    expect((await rig.streams.info(rig.unique)).state.last_seq).toBe(22);
  });

  test.each(['while it runs', 'before it starts'])(
    'a database that lost events which were published, %s, halts the relay until the stream is gone',
    async (when) => {
      await started();
      const before = rig.startRelay();
      await rig.write(10);
      await rig.complete();
      if (when === 'before it starts') await rig.stopRelays();
      await rig.database.query(
        `with lost as (delete from events where position > 15), users as (delete from users where position > 15)
       update log_head set position = 15`,
      );
      const relay = when === 'before it starts' ? rig.startRelay() : before;
      // The positions are used again, by other events.
      await rig.write(10);
      await until('it halts', () => relay.status().streamAhead);
      const everybodyKnows = (wanted: boolean) =>
        until(`every process knows: ${wanted}`, async () => (await relayStatus(rig.database)).stream_ahead === wanted);
      await everybodyKnows(true);
      expect(rig.logs.filter(({ level }) => level === 'error')).toHaveLength(1);
      expect((await rig.streams.info(rig.unique)).state.last_seq).toBe(20);
      await rig.streams.delete(rig.unique);
      await rig.thenStreamIsLog();
      await everybodyKnows(false);
    },
  );

  test('a database that refuses the lease is told once, and when it gives it again, however often it is asked', async () => {
    await started();
    const relay = rig.startRelay();
    await until('it leads', () => relay.status().leading);
    await rig.database.query('create sequence asked');
    await rig.database.query(
      `create function refuse() returns trigger language plpgsql as $$
       begin perform nextval('asked'); raise exception using errcode = '42501'; end $$`,
    );
    await rig.database.query('create trigger refuse before insert or update on leases for each row execute function refuse()');
    await until('it leads no more', () => !relay.status().leading);
    const asked = async (): Promise<number> =>
      (await rig.database.query<{ last_value: number }>('select last_value from asked'))[0]?.last_value ?? 0;
    const before = await asked();
    await until('it has asked again and again', async () => (await asked()) > before + 5);
    await rig.database.query('drop trigger refuse on leases');
    const said = () => rig.logs.map(({ text }) => text).filter((text) => text.startsWith('publishing events'));
    await until('its end is said', () => said().some((text) => text.startsWith('publishing events goes on after ')));
    expect(said()).toEqual([expect.stringContaining('waits: the role '), expect.any(String)]);
  });

  test('a stream that drops what nobody has read is told, in every process, until it is one that keeps it', async () => {
    await started();
    const subjects = [`${rig.unique}.users.>`];
    await rig.streams.add({ name: rig.unique, subjects, retention: RetentionPolicy.Interest });
    rig.startRelay();
    const dropping = async () => (await relayStatus(rig.database)).drops_unread;
    await until('every process knows', dropping);
    const said = () => rig.logs.map(({ text }) => text).filter((text) => text.startsWith('the stream of events'));
    expect(said()).toEqual([expect.stringContaining('drops what a consumer has not read: retention: interest; ')]);
    expect((await rig.streams.info(rig.unique)).config.retention).toBe('interest');
    await rig.streams.delete(rig.unique);
    await until('every process knows that it is over', async () => !(await dropping()));
    await until('its end is said', () => said().some((text) => text.startsWith('the stream of events keeps everything again after ')));
  });
});
