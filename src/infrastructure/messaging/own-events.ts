import type { StoredMsg } from '@nats-io/jetstream';
import type { AuthenticationCode } from '../authentication-code.ts';
import { CODE_HEADER, headerIn } from '../connections/nats.ts';
import type { Published } from './relay-position.ts';

export const DEPLOYMENT_HEADER = 'Lumin-Deployment';
/** How far back the last event is looked for among messages of others. */
const LOOK_BACK = 32_000;
/** How much further the relay looks where an event at the checkpoint has no code: the release before this one may have filled the stream. */
const LOOK_ON = 1_000;
/** Messages that are asked for at once. */
const AT_ONCE = 32;
/** Events without a code for which one look asks the log. */
const MAX_ASKED = 100;

/** `first` is the sequence of the first event that was sent together with this one. */
export type OwnEvent = Published & { first: number };

/** Null where the server has none. */
type Read = (seq: number) => Promise<StoredMsg | null>;

/**
 * How a relay knows again what a relay of this deployment has published. The code binds an event to its sequence in the stream,
 * so a copy of it further on is nobody's, and to that of the first event that was sent with it: while events are refused, others
 * can see them with their codes, and might publish some and leave out what came before.
 */
export const ownEvents = (subjectPrefix: string, deployment: string, code: AuthenticationCode) => {
  const codeOf = (seq: number, first: number, subject: string, text: string): string =>
    `${first} ${code.of(String(seq), String(first), subject, text)}`;

  const read = (message: StoredMsg): OwnEvent | null => {
    if (!message.subject.startsWith(subjectPrefix)) return null;
    const [first = '', sent = ''] = headerIn(() => message.header, CODE_HEADER).split(' ');
    if (sent === '') return null;
    const text = message.string();
    if (!code.holds(sent, String(message.seq), first, message.subject, text)) return null;
    return { ...eventIn(text), seq: message.seq, first: Number(first) };
  };

  /** From before there were codes. Anybody could have written it. */
  const readUncoded = (message: StoredMsg): Published | null => {
    const header = (name: string): string => headerIn(() => message.header, name);
    if (!message.subject.startsWith(subjectPrefix) || header(DEPLOYMENT_HEADER) !== deployment || header(CODE_HEADER) !== '') return null;
    try {
      const event = eventIn(message.string());
      return Number.isSafeInteger(event.position) ? { ...event, seq: message.seq } : null;
    } catch {
      return null;
    }
  };

  /** What is gone was there: nobody else's message is in its place. */
  const isWhole = async (event: OwnEvent, at: Read): Promise<boolean> => {
    for (let from = event.first; from < event.seq; from += AT_ONCE) {
      const seqs = Array.from({ length: Math.min(AT_ONCE, event.seq - from) }, (_, index) => from + index);
      const messages = await Promise.all(seqs.map(at));
      if (!messages.every((message) => message === null || read(message)?.first === event.first)) return false;
    }
    return true;
  };

  /**
   * The last event that a relay of this deployment published between two sequences. Those without a code are of a release before
   * this one, or of anybody, so they count if they are not beyond `upTo`, the checkpoint, and `agrees`, the log, has them: where
   * there is no coded one the last of them, and else those that follow the last coded one without a hole.
   */
  const last = async (
    at: Read,
    { from, to }: { from: number; to: number },
    { upTo, agrees }: { upTo: number; agrees: (event: Published) => Promise<boolean> },
  ): Promise<Published | 'none' | 'buried'> => {
    const torn = new Set<number>();
    const uncoded = new Map<number, Published>();
    let asked = 0;
    const counts = async (old: Published): Promise<boolean> => asked++ < MAX_ASKED && agrees(old);

    const after = async (coded: OwnEvent): Promise<Published> => {
      let found: Published = coded;
      for (let next = uncoded.get(found.position + 1); next && (await counts(next)); next = uncoded.get(found.position + 1)) found = next;
      return found;
    };

    let end = Math.max(from, to - LOOK_BACK);
    for (let seq = to, size = 1; seq >= end; seq -= size, size = AT_ONCE) {
      const seqs = Array.from({ length: Math.min(size, seq - end + 1) }, (_, index) => seq - index);
      for (const message of await Promise.all(seqs.map(at))) {
        if (message === null) continue;
        const event = read(message);
        if (event !== null && !torn.has(event.first)) {
          if (await isWhole(event, at)) return after(event);
          torn.add(event.first);
        }
        const old = event === null ? readUncoded(message) : null;
        if (old === null || old.position > upTo || uncoded.has(old.position)) continue;
        uncoded.set(old.position, old);
        // A stream that an earlier release has filled is not read as a whole.
        if (old.position === upTo) end = Math.max(end, seq - LOOK_ON);
      }
    }
    for (const position of [...uncoded.keys()].sort((one, other) => other - one)) {
      const old = uncoded.get(position) as Published;
      if (position < upTo && end > from) break;
      if (await counts(old)) return old;
    }
    return end > from ? 'buried' : 'none';
  };

  return { codeOf, read, readUncoded, last };
};

const eventIn = (text: string): Omit<Published, 'seq'> => {
  const { position, id, time } = JSON.parse(text);
  return { position: Number(position), id: String(id), time: String(time) };
};
