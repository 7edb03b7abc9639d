import type { PublicEvent } from './event-feed.ts';

/**
 * CloudEvents 1.0 in JSON, with extensions position, version, actor, correlationid and traceparent: the form in which every
 * event leaves the service.
 */
export const cloudEvent = (event: PublicEvent) => ({
  specversion: '1.0',
  id: eventId(event),
  source: '/lumin/users',
  type: `lumin.users.${event.type}.v${event.schema_version}`,
  subject: event.user_id,
  time: event.at,
  datacontenttype: 'application/json',
  position: String(event.position),
  version: event.version,
  ...(event.actor !== null && { actor: event.actor }),
  ...(event.correlation_id !== null && { correlationid: event.correlation_id }),
  ...(event.traceparent !== undefined && { traceparent: event.traceparent }),
  data: { ...event.data, changed: event.changed, personal: event.personal },
});

/** The same wherever the event is seen, however often. */
export const eventId = ({ stream, version }: Pick<PublicEvent, 'stream' | 'version'>): string => `${stream}:${version}`;
