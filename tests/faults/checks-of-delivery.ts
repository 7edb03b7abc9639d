import { eventId } from '../../src/application/feed/cloud-event.ts';
import type { Delivered, Evidence, Invariant, LogRow } from './evidence.ts';

/** What was published is the log: every event, nothing else, and the same under the same id. */
export const publishedIsTheLog: Invariant = ({ log, published }) => {
  if (published === null) return [];
  const events = new Map(log.map((event) => [eventId(event), event]));
  const messages = Map.groupBy(published, ({ id }) => id);
  const missing = [...events.keys()].filter((id) => !messages.has(id)).map((id) => `${id} was never published`);
  const mistakes = [...messages].flatMap(([id, copies]) => {
    const event = events.get(id);
    if (event === undefined) return `${id} was published and is not in the log`;
    if (new Set(copies.map(({ body }) => JSON.stringify(body))).size > 1) return `${id} was published with different bodies`;
    return copies.every(({ body }) => isEvent(body, event)) ? [] : `the message ${id} is not the event at position ${event.position}`;
  });
  return [...missing, ...mistakes];
};

/** Of a user, versions come in order, whoever listens; a subscription to /ws has no hole either, and reaches the end of the log. */
export const deliveredInOrder: Invariant = ({ log, published, sockets }) => [...disorderOf(published ?? []), ...holesOf(log, sockets)];

const disorderOf = (published: NonNullable<Evidence['published']>): string[] => {
  const seen = new Set<string>();
  const last = new Map<string, number>();
  return published.flatMap(({ id, sequence }) => {
    if (seen.has(id)) return [];
    seen.add(id);
    const [stream = '', version] = id.split(':');
    const before = last.get(stream) ?? 0;
    last.set(stream, Number(version));
    return Number(version) > before ? [] : `at sequence ${sequence} version ${version} of ${stream} came after ${before}`;
  });
};

const holesOf = (log: readonly LogRow[], sockets: Evidence['sockets']): string[] =>
  sockets.flatMap(({ user_id, after, events }) => {
    const due = log.filter(({ position, stream }) => position > after && (user_id === null || stream.endsWith(user_id)));
    const given = events.map(({ position }) => Number(position));
    const index = due.findIndex((event, at) => !events[at] || !isEvent(events[at], event));
    if (index < 0 && given.length === due.length) return [];
    return `a subscription from ${after} on was given ${given[index] ?? 'nothing'} where ${due[index]?.position ?? 'nothing'} was due`;
  });

const isEvent = ({ id, position, version, subject, type }: Delivered, event: LogRow): boolean =>
  id === eventId(event) &&
  position === String(event.position) &&
  version === event.version &&
  event.stream.endsWith(subject) &&
  type.startsWith(`lumin.users.${event.type}.`);
