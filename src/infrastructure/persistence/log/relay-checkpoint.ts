import type { Database } from '../database/database.ts';

/** The name of the relay's lease and of its checkpoint. */
export const RELAY = 'relay';
/** Beside it: when the stream that the checkpoint speaks of was created, in milliseconds since 1970. */
const STREAM = 'relay-stream';

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
};

/** What any process can tell about the relay, a moment behind it. @throws StoreFailure */
export const relayStatus = async (database: Database): Promise<RelayStatus> => {
  const [row] = await database.query<Omit<RelayStatus, 'lag'>>(
    `select c.position, h.position as head,
       exists (select from leases l where l.name = $1 and l.until > clock_timestamp()) as leader,
       (select greatest(0, extract(epoch from clock_timestamp() - e.at) * 1000)::float8 from events e where e.position = c.position + 1) as lagging_ms
     from log_head h cross join checkpoints c where c.name = $1`,
    [RELAY],
  );
  const { position, head, leader, lagging_ms } = row ?? { position: 0, head: 0, leader: false, lagging_ms: null };
  return { position, head, lag: Math.max(0, head - position), leader, lagging_ms };
};
