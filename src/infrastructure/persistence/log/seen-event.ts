/** An event as a follower of the log remembers it: by its place and by what it is. */
export type SeenEvent = { position: number; stream: string; version: number; at: Date };

/** The log has gone back. `seen`: where an event was that is there no more. `head`: where the log ends now. */
export type LogChange = { seen: number; head: number };

type Event = Omit<SeenEvent, 'at'> & { at: Date | string };

/** Whether the log still has the event that was seen: after a restore, or the promotion of a standby that lagged, another one may have its place. */
export const isSameEvent = (found: Event | undefined, seen: Event): boolean =>
  found?.position === seen.position &&
  found.stream === seen.stream &&
  found.version === seen.version &&
  new Date(found.at).getTime() === new Date(seen.at).getTime();
