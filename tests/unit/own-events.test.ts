import type { StoredMsg } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import { describe, expect, it } from 'vitest';
import { authenticationCode } from '../../src/infrastructure/authentication-code.ts';
import { CODE_HEADER } from '../../src/infrastructure/connections/nats.ts';
import { DEPLOYMENT_HEADER, ownEvents } from '../../src/infrastructure/messaging/own-events.ts';

const SUBJECT = 'lumin.users.somebody.UserCreated';
const own = ownEvents(
  'lumin.users.',
  'ours',
  authenticationCode(() => 'secret', 'events'),
);

/** A stream: events of ours with a code, as an earlier release or a copier writes them without, and noise. */
const stream = (...written: (['coded' | 'uncoded', position: number] | 'noise')[]) => {
  const messages = written.map((what, index) => {
    const seq = index + 1;
    const text = what === 'noise' ? 'not json' : JSON.stringify({ position: String(what[1]), id: `id ${what[1]}`, time: 'then' });
    const header = headers();
    header.set(DEPLOYMENT_HEADER, 'ours');
    if (what !== 'noise' && what[0] === 'coded') header.set(CODE_HEADER, own.codeOf(seq, seq, SUBJECT, text));
    return { seq, subject: SUBJECT, header, string: () => text } as unknown as StoredMsg;
  });
  return async (upTo: number): Promise<number | string> => {
    const found = await own.last(
      async (seq) => messages[seq - 1] ?? null,
      { from: 1, to: messages.length },
      { upTo, agrees: async () => true },
    );
    return typeof found === 'string' ? found : found.position;
  };
};
const coded = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => ['coded', from + index] as ['coded', number]);
const uncoded = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => ['uncoded', from + index] as ['uncoded', number]);
const noise = (count: number) => Array<'noise'>(count).fill('noise');

describe('the last event of ours in a stream', () => {
  it.each([
    ['is the last one with a code, whatever strangers wrote behind it', stream(...coded(1, 50), ...noise(100)), 50],
    ['is not a copy of an older one', stream(...coded(1, 50), ['uncoded', 3], ...noise(10)), 50],
    [
      'is not a copy of an older one behind so much noise that the coded ones are far',
      stream(...coded(1, 50), ...noise(1_250), ['uncoded', 3]),
      50,
    ],
    ['is not a copy of the one at the checkpoint, where those before it are gone', stream(...coded(1, 30), ['uncoded', 50]), 30],
    ['is that of an earlier release which went on without a hole', stream(...coded(1, 30), ...uncoded(31, 50)), 50],
    ['is that of an earlier release up to the checkpoint', stream(...uncoded(1, 60)), 50],
    ['is the last one of an earlier release that is not beyond the checkpoint', stream(...uncoded(1, 40)), 40],
    ['is none where there is nothing of ours', stream(...noise(20)), 'none'],
  ])('%s', async (_, last, expected) => expect(await last(50)).toBe(expected));
});
