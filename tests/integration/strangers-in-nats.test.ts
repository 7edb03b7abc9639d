import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { badHeads, publishRaw } from '../fixtures/raw-nats.ts';
import { openRelayInMemory, type Stored } from '../fixtures/relay-in-memory.ts';
import { codeOf } from '../fixtures/relay-rig.ts';
import { until } from '../fixtures/until.ts';

const natsUrl = inject('natsUrl');
type Rig = Awaited<ReturnType<typeof openRelayInMemory>>;
type Forged = Partial<Omit<Stored, 'seq'>>;

const withPosition = (text: string, position: unknown): string => JSON.stringify({ ...JSON.parse(text), position });
const withoutCode = ({ 'Lumin-Code': _, ...others }: Stored['headers']) => others;

/** What a stranger makes of the last event in the stream, and the first. */
const forgeries: [string, (last: Stored, first: Stored) => Forged][] = [
  ['no header and no JSON', () => ({ text: 'not json' })],
  ['nothing at all', () => ({})],
  ['our headers and no JSON', ({ headers }) => ({ headers, text: 'not json' })],
  ['our headers and bytes that are no text', ({ headers }) => ({ headers, text: '\ud800\u0000' })],
  ...['null', '5', '[]', '{}', '"x"'].map((text): [string, (last: Stored) => Forged] => [
    `our headers and ${text}`,
    ({ headers }) => ({ headers, text }),
  ]),
  ['a copy of the last event', (last) => last],
  ['a copy of the first event', (_, first) => first],
  ['a copy of the last event under another subject', ({ headers, text }) => ({ headers, text })],
  ['a copy with a subject of many parts', ({ headers, text, subject }) => ({ headers, text, subject: `${subject}.and.more` })],
  ...[1, 999_999_999, 'x', -1, '1e3', null, '9'.repeat(400)].map((position): [string, (last: Stored) => Forged] => [
    `the position ${String(position).slice(0, 12)}`,
    ({ headers, text, subject }) => ({ headers, subject, text: withPosition(text, position) }),
  ]),
  ['the name of our database and no code', ({ headers, text, subject }) => ({ headers: withoutCode(headers), text, subject })],
  ...['', ' ', '1', '1 ', ' x', 'NaN x', '0 AAAA', `1 ${'A'.repeat(43)}`, 'x'.repeat(3_000)].map(
    (code): [string, (last: Stored) => Forged] => [
      `the code ${JSON.stringify(code.slice(0, 12))}`,
      ({ headers, text, subject }) => ({ headers: { ...headers, 'Lumin-Code': code }, text, subject }),
    ],
  ),
  ['half a megabyte', ({ headers }) => ({ headers, text: 'x'.repeat(500_000) })],
];

describe.skipIf(natsUrl === null)(
  'a stranger who writes to the stream of events [needs NATS: set TEST_NATS_URL or install nats-server]',
  () => {
    const rigs: Rig[] = [];
    const open = async (): Promise<Rig> => {
      const rig = await openRelayInMemory(natsUrl as string);
      rigs.push(rig);
      return rig;
    };
    afterAll(() => Promise.all(rigs.map((rig) => rig.close())));

    describe('beside a relay', () => {
      let rig: Rig;
      let relay: ReturnType<Rig['startRelay']>;
      beforeAll(async () => {
        rig = await open();
        rig.write(3);
        relay = rig.startRelay();
        await rig.thenOwnIsLog(relay);
      });

      /** The server would drop what has an id that it knows. */
      const forge = async (forged: (last: Stored, first: Stored) => Forged): Promise<void> => {
        const own = await rig.genuine();
        const { headers = {}, ...others } = forged(own.at(-1) as Stored, own[0] as Stored);
        await rig.forge({ ...others, headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('Nats-'))) });
      };

      it.each(forgeries)('neither stops it nor moves it by a message with %s', async (_, forged) => {
        const before = rig.log.length;
        await forge(forged);
        rig.write(2);
        await until('they are published', () => relay.status().position === before + 2);
      });

      it.each(badHeads)('neither stops it nor moves it by a message with the headers %j', async (head) => {
        const before = rig.log.length;
        await publishRaw(natsUrl as string, `${rig.unique}.users.x.y`, head, '{}');
        rig.write(1);
        await until('it is published', () => relay.status().position === before + 1);
      });

      it('has written all that to no effect: what carries our code is the log; it is counted and told once', async () => {
        await rig.thenOwnIsLog(relay);
        const all = forgeries.length + badHeads.length;
        await until('all is counted', () => relay.foreign() >= all);
        expect(relay.foreign()).toBe(all);
        expect(rig.lines).toEqual([expect.stringContaining('do not carry the code of this deployment')]);
      });

      it('is passed over by the next relay too', async () => {
        await rig.stopRelays();
        for (const [, forged] of forgeries.slice(0, 12)) await forge(forged);
        rig.write(2);
        await rig.thenOwnIsLog(rig.startRelay());
      });
    });

    it('all the time does not stop it, and nothing is lost, doubled or out of order', async () => {
      const rig = await open();
      const relay = rig.startRelay();
      let over = false;
      let written = 0;
      const writing = Array.from({ length: 3 }, async () => {
        for (; !over; written++) await rig.forge({ text: 'x' }).catch(() => {});
      });
      await until('the stranger writes', () => written > 20);
      for (let round = 0; round < 2; round++) {
        rig.write(150);
        await until('it is published', () => relay.status().position === rig.log.length);
      }
      over = true;
      await Promise.all(writing);
      await rig.thenOwnIsLog(relay);
      await until('it is counted', () => relay.foreign() > 0);
      expect(rig.lines.filter((line) => line.includes('do not carry'))).toHaveLength(1);
    });

    it('cannot leave events out by publishing a part of those that were refused, with the codes that it saw', async () => {
      const rig = await open();
      rig.write(3);
      const first = rig.startRelay();
      await rig.thenOwnIsLog(first);
      await rig.stopRelays();
      rig.write(4);
      // As a relay sends them: 4, 5, 6 and 7 behind the third, all refused because of a message that came first.
      const refused = rig.log.slice(3).map((event, index) => {
        const subject = `${rig.unique}.users.${event.user_id}.UserCreated`;
        const id = `${event.stream}:${event.version}`;
        const text = JSON.stringify({ id, position: String(event.position), time: event.at });
        const sent = `4 ${codeOf(rig.unique).of(String(4 + index), '4', subject, text)}`;
        return { subject, text, headers: { 'Lumin-Deployment': rig.unique, 'Lumin-Code': sent } };
      });
      await rig.forge({ text: 'x' });
      for (const copy of refused.slice(1)) await rig.forge(copy);
      const relay = rig.startRelay();
      await until('all is published', () => relay.status().position === 7);
      const positions = (await rig.genuine()).map(({ text }) => Number(JSON.parse(text).position));
      expect(positions.slice(-4)).toEqual([4, 5, 6, 7]);
    });

    it('who answers for the server, that events are taken which are not, or known which are not, delays them and loses none', async () => {
      const rig = await open();
      rig.write(3);
      const relay = rig.startRelay();
      await rig.thenOwnIsLog(relay);
      for (const more of [{}, { duplicate: true }, { error: { code: 400, err_code: 10071, description: 'wrong last sequence: 5' } }]) {
        let seq = 1;
        const lying = rig.client.subscribe(`${rig.unique}.users.>`, {
          callback: (_, message) => void message.respond(JSON.stringify({ stream: rig.unique, seq: ++seq, ...more })),
        });
        await rig.client.flush();
        const before = rig.log.length;
        rig.write(5);
        await until('it was lied to', () => seq > 5);
        lying.unsubscribe();
        rig.write(1);
        await until('all is published', () => relay.status().position === before + 6);
      }
      await rig.thenOwnIsLog(relay);
    });

    it('who has used the ids of events before us delays them and stops none', async () => {
      const rig = await open();
      rig.write(1);
      const relay = rig.startRelay();
      await rig.thenOwnIsLog(relay);
      rig.write(1);
      const next = rig.log.at(-1) as (typeof rig.log)[number];
      rig.log.pop();
      let over = false;
      const id = `${next.stream}:${next.version}`;
      const writing = (async () => {
        while (!over) await rig.forge({ headers: { 'Nats-Msg-Id': id } });
      })();
      rig.log.push(next);
      await until('it is published', () => relay.status().position === 2);
      over = true;
      await writing;
      await rig.thenOwnIsLog(relay);
    });

    it('is not needed for a stream that counts messages and cannot read them: that is told, and published to again when it is mended', async () => {
      const rig = await open();
      rig.write(3);
      const relay = rig.startRelay();
      await rig.thenOwnIsLog(relay);
      rig.reading.works = false;
      await until('it is told', () => relay.status().trouble?.includes('delete the stream'));
      const before = (await rig.streams.info(rig.unique)).state.last_seq;
      rig.write(2);
      const { asked } = rig.reading;
      await until('it has looked some more', () => rig.reading.asked > asked + 6);
      expect((await rig.streams.info(rig.unique)).state.last_seq).toBe(before);
      expect(rig.lines.filter((line) => line.includes('cannot read them'))).toHaveLength(1);
      rig.reading.works = true;
      await rig.thenOwnIsLog(relay);
    });

    describe('before the first event with a code', () => {
      /** As a release without codes publishes it. */
      const uncoded = (rig: Rig, position: number, changes: object = {}): Forged => {
        const event = rig.log[position - 1] as Rig['log'][number];
        const body = { id: `${event.stream}:${event.version}`, position: String(position), time: event.at, ...changes };
        return { headers: { 'Lumin-Deployment': rig.unique }, text: JSON.stringify(body) };
      };
      const openOld = async (): Promise<Rig> => {
        const rig = await open();
        rig.write(6);
        await rig.streams.add({ name: rig.unique, subjects: [`${rig.unique}.users.>`] });
        return rig;
      };
      const goesOnAfter = async (rig: Rig, position: number): Promise<void> => {
        const relay = rig.startRelay();
        await until('all is published', () => relay.status().position === 6);
        expect((await rig.genuine()).map(({ text }) => Number(JSON.parse(text).position))).toEqual(
          [1, 2, 3, 4, 5, 6].filter((one) => one > position),
        );
      };

      it('the relay goes on after the last one that an earlier release has published, up to the checkpoint', async () => {
        const rig = await openOld();
        for (const position of [1, 2, 3, 4]) await rig.forge(uncoded(rig, position));
        rig.checkpoint.set('relay', 4);
        await goesOnAfter(rig, 4);
      });

      it('one that is beyond the checkpoint does not count, nor one that the log does not have', async () => {
        const rig = await openOld();
        for (const position of [1, 2, 3]) await rig.forge(uncoded(rig, position));
        await rig.forge(uncoded(rig, 4, { id: 'user-x:1' }));
        await rig.forge(uncoded(rig, 6));
        rig.checkpoint.set('relay', 4);
        await goesOnAfter(rig, 3);
      });

      it('an old one that is put at the end takes nothing back', async () => {
        const rig = await openOld();
        for (const position of [1, 2, 3, 4, 2, 1]) await rig.forge(uncoded(rig, position));
        rig.checkpoint.set('relay', 4);
        await goesOnAfter(rig, 4);
      });
    });
  },
);
