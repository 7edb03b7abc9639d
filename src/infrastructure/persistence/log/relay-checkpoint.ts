import type { Database } from '../database/database.ts';

/** The name of the relay's lease and of its checkpoint. */
export const RELAY = 'relay';
/** Beside it: when the stream that the checkpoint speaks of was created, in milliseconds since 1970. */
const STREAM = 'relay-stream';

/** Leases that the relay which leads holds for as long as this is so, so that every process knows, and nobody who has died says it any more. */
export const STREAM_AHEAD = 'relay: ahead of log';
export const DROPS_UNREAD = 'relay: drops unread';

/** How far the log has been published, and to which stream. */
export type Checkpoint = { position: number; created: number };

export const relayCheckpoint = (database: Database, owner: string) => ({
  async load(): Promise<Checkpoint> {
    const rows = await database.query<{ name: string; position: number }>('select name, position from checkpoints where name in ($1, $2)', [
      RELAY,
      STREAM,
    ]);
    const of = (wanted: string): number => rows.find(({ name }) => name === wanted)?.position ?? 0;
    return { position: of(RELAY), created: of(STREAM) };
  },

  /** Does nothing where another process leads by now. */
  async save({ position, created }: Checkpoint): Promise<void> {
    await database.query(
      `insert into checkpoints (name, position)
       select c.name, c.position from (values ($1, $2::bigint), ($3, $4::bigint)) c(name, position)
       where exists (select from leases l where l.name = $1 and l.owner = $5 and l.until > clock_timestamp())
       on conflict (name) do update set position = excluded.position`,
      [RELAY, position, STREAM, created, owner],
    );
  },
});

export type RelayStatus = {
  /** Published up to here. */
  position: number;
  /** The end of the log. */
  head: number;
  /** Events that wait to be published. */
  lag: number;
  /** Whether some process leads. */
  leader: boolean;
  /** The age of the oldest event that waits, by the database's clock; null where none does. */
  lagging_ms: number | null;
  /** The relay stands still, because the stream holds events that the log does not have. */
  stream_ahead: boolean;
  /** The stream is set to drop events that a consumer has not read. */
  drops_unread: boolean;
};

const held = (name: string): string => `exists (select from leases l where l.name = ${name} and l.until > clock_timestamp())`;

const NOTHING = { position: 0, head: 0, leader: false, lagging_ms: null, stream_ahead: false, drops_unread: false };

/** What any process can tell about the relay, a moment behind it. @throws StoreFailure */
export const relayStatus = async (database: Database): Promise<RelayStatus> => {
  const [row] = await database.query<Omit<RelayStatus, 'lag'>>(
    `select c.position, h.position as head,
       ${held('$1')} as leader, ${held('$2')} as stream_ahead, ${held('$3')} as drops_unread,
       (select greatest(0, extract(epoch from clock_timestamp() - e.at) * 1000)::float8 from events e where e.position = c.position + 1) as lagging_ms
     from log_head h cross join checkpoints c where c.name = $1`,
    [RELAY, STREAM_AHEAD, DROPS_UNREAD],
  );
  const { position, head, ...rest } = row ?? NOTHING;
  return { position, head, lag: Math.max(0, head - position), ...rest };
};
