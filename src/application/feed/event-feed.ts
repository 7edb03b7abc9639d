import type { LoggedEvent } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';

/** An event as the outside may see it: without the personal part, unless the configuration includes it. */
export type PublicEvent = Omit<LoggedEvent, 'personal' | 'unreadable'> & Partial<Pick<LoggedEvent, 'personal'>>;

/** `more`: whether others followed at that moment. A page is cut by bytes as well, so that this cannot be told from the number of events. */
export type EventPage = { events: PublicEvent[]; more: boolean };

/**
 * The log as it leaves the service: to NATS and to the live feed. Personal parts of deleted users never do. No event holds
 * its readers up: one that is damaged, or larger than an event may be, comes without what cannot be sent, and says what it changed.
 */
export interface EventFeed {
  /** The position of the last event; 0 for an empty log. */
  head(): Promise<number>;
  /** Events of all streams with a position greater than `after`, in order. A reader at a position has seen all up to it. */
  read(after: number, limit: number): Promise<EventPage>;
  /** The same of one user, views of the profile included. */
  readOf(userId: UserId, after: number, limit: number): Promise<EventPage>;
}
