import type { Tracing } from '../../observability/tracing.ts';
import type { EventStore } from './event-store.ts';

/** The same store, with a span for each statement of a batch. */
export const tracedStore = (store: EventStore, tracing: Tracing): EventStore => ({
  ...store,
  load: (userIds) => tracing.statement('SELECT users', () => store.load(userIds)),
  append: (batch) => tracing.statement('SELECT append_v2', () => store.append(batch)),
});
