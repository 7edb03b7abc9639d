import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { commandNamed } from '../src/application/commands/index.ts';
import type { CommandRequest } from '../src/application/services/user-service.ts';
import { foldUser, USER_FOLD, uniqueKeys } from '../src/domain/aggregates/user.ts';
import { Problem } from '../src/domain/problem.ts';
import type { StoredUser } from '../src/domain/repositories/user-repository.ts';
import type { Config } from '../src/infrastructure/container/config.ts';

type Query = <Row>(sql: string, values: unknown[]) => Promise<Row[]>;
type Row = { version: number; state: StoredUser['user'] };

const SCHEMA = `
drop table if exists twin_users, twin_events;
create table twin_users (user_id uuid primary key, version integer not null, status text not null, fold integer not null,
  email_key text collate "C" unique, phone_key text collate "C" unique, state json not null);
create table twin_events (position bigserial primary key, stream text collate "C" not null, version integer not null, type text not null,
  schema_version smallint not null, data json not null, personal bytea, command_id uuid not null, correlation_id text, at timestamptz not null,
  unique (stream, version));`;

/** Queries and transactions as each driver has them. */
const open = async (at: Config['DATABASE_URL'], connections: number) => {
  if (at.kind === 'pglite') {
    const pglite = await PGlite.create();
    await pglite.exec(SCHEMA);
    const run: Query = async (sql, values) => (await pglite.query(sql, values)).rows as never;
    const transaction = <T>(work: (query: Query) => Promise<T>): Promise<T> =>
      pglite.transaction((tx) => work(async (sql, values) => (await tx.query(sql, values)).rows as never));
    return { run, transaction };
  }
  const pool = new pg.Pool({ connectionString: at.url, max: connections });
  pool.on('error', () => {});
  await pool.query(SCHEMA);
  const names = new Map<string, string>();
  const named = (text: string, values: unknown[]) => {
    const name = names.get(text) ?? `t${names.size}`;
    names.set(text, name);
    return { name, text, values };
  };
  const run: Query = async (text, values) => (await pool.query(named(text, values))).rows;
  const transaction = async <T>(work: (query: Query) => Promise<T>): Promise<T> => {
    const client = await pool.connect();
    try {
      await client.query('begin');
      const result = await work(async (text, values) => (await client.query(named(text, values))).rows);
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback');
      throw error;
    } finally {
      client.release();
    }
  };
  return { run, transaction };
};

/**
 * What one would write first: a transaction per request with a statement for each step, prepared statements and a pool.
 * The same decisions and the same rows as ours, without batching, gap-free positions, tasks and once-only records.
 */
export const twin = async (at: Config['DATABASE_URL'], connections: number) => {
  const { run, transaction } = await open(at, connections);

  const execute = ({ command, user_id, input, correlation_id }: CommandRequest): Promise<StoredUser> =>
    transaction(async (query) => {
      const now = new Date();
      const at = now.toISOString();
      const [row] = await query<Row>('select version, state from twin_users where user_id = $1 for update', [user_id]);
      const events = commandNamed(command).decide(row?.state ?? null, input, { now });
      const recorded = events.map((event) => ({ ...event, at }));
      const user = foldUser(row?.state ?? null, recorded);
      const { email_key, phone_key } = uniqueKeys(user);
      const taken = await query('select 1 from twin_users where (email_key = $1 or phone_key = $2) and user_id <> $3', [
        email_key,
        phone_key,
        user_id,
      ]);
      if (taken.length > 0) throw new Problem('email-taken');
      let version = row?.version ?? 0;
      for (const { type, data, personal } of events) {
        version++;
        await query(
          `insert into twin_events (stream, version, type, schema_version, data, personal, command_id, correlation_id, at)
           values ($1, $2, $3, 1, $4, $5, gen_random_uuid(), $6, $7)`,
          [`user-${user_id}`, version, type, JSON.stringify(data), Buffer.from(JSON.stringify(personal)), correlation_id, now],
        );
      }
      const values = [user_id, version, user.status, USER_FOLD, email_key, phone_key, JSON.stringify(user)];
      await query(
        row
          ? 'update twin_users set version = $2, status = $3, fold = $4, email_key = $5, phone_key = $6, state = $7 where user_id = $1'
          : 'insert into twin_users (user_id, version, status, fold, email_key, phone_key, state) values ($1, $2, $3, $4, $5, $6, $7)',
        values,
      );
      return { user_id, version, user };
    });

  const find = async (user_id: StoredUser['user_id']): Promise<StoredUser> => {
    const [row] = await run<Row>('select version, state from twin_users where user_id = $1', [user_id]);
    if (row === undefined) throw new Problem('user-not-found');
    return { user_id, version: row.version, user: row.state };
  };

  return { execute, find };
};
