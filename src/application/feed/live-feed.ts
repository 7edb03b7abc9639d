import type { UserId } from '../../domain/value-objects/user-id.ts';

/** Somebody who is sent events as they happen. */
export type Reader = {
  /** Whose events, views of the profile included; everybody's where null. */
  readonly userId: UserId | null;
  /** Takes one CloudEvent as JSON in UTF-8. False: no more for now, where the reader is behind. */
  send(event: Uint8Array): boolean;
  /** Settles when the reader has taken most of what it was sent, or has left. */
  drained(): Promise<void>;
  /** The log has lost events, of which the reader may have been sent some. It is sent no more. */
  beginAgain(): void;
};

/** The log as it grows. */
export interface LiveFeed {
  /** The position of the last event; 0 for an empty log. */
  head(): Promise<number>;
  /** Sends every event with a position greater than `after`, in order and once, until the returned function is called. */
  follow(reader: Reader, after: number): () => void;
}
