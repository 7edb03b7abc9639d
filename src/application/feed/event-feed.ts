import type { LoggedEvent } from '../../domain/repositories/user-repository.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';

/** An event as the outside may see it: without the personal part, unless the configuration includes it. */
export type PublicEvent = Omit<LoggedEvent, 'personal'> & Partial<Pick<LoggedEvent, 'personal'>>;

/** The log as it leaves the service: to NATS and to the live feed. Personal parts of deleted users never do. */
export interface EventFeed {
  /** The position of the last event; 0 for an empty log. */
  head(): Promise<number>;
  /** Events of all streams with a position greater than `after`, in order. A reader at a position has seen all up to it. */
  read(after: number, limit: number): Promise<PublicEvent[]>;
  /** The same of one user, views of the profile included. */
  readOf(userId: UserId, after: number, limit: number): Promise<PublicEvent[]>;
}
