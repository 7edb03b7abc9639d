/** Everything that can happen to one kind of aggregate: event type → its open data and its personal data. */
type EventMap = Record<string, { data: object; personal: object }>;

/** An event as a decision makes it. */
export type EventOf<M extends EventMap> = {
  [T in keyof M & string]: { type: T; data: M[T]['data']; personal: M[T]['personal'] };
}[keyof M & string];

/** An event as the log gives it back: with its time, and without those personal fields that can no longer be read. */
export type RecordedEvent<M extends EventMap, T extends keyof M = keyof M> = {
  type: T;
  data: M[T]['data'];
  personal: Partial<M[T]['personal']>;
  /** RFC 3339, UTC, three decimals. */
  at: string;
};

/** What an event does to the state. A mapped type, so that an event without an entry does not compile. */
export type Evolve<S, M extends EventMap> = {
  [T in keyof M]: (state: S, event: RecordedEvent<M, T>) => S;
};

/** Decision results carry no time of their own: `at` is a value that the caller took once for the whole command. */
export const record = <M extends EventMap>(events: readonly EventOf<M>[], at: string): RecordedEvent<M>[] =>
  events.map((event) => ({ ...event, at }));

export const foldWith =
  <S, M extends EventMap>(evolve: Evolve<S, M>, initial: S) =>
  (state: S | null, events: readonly RecordedEvent<M>[]): S =>
    events.reduce((current, event) => evolve[event.type](current, event as never), state ?? initial);
