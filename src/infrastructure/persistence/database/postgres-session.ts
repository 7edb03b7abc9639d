import pg from 'pg';
import { UnusableDatabase } from './database.ts';

const OLDEST_VERSION = 150_000;

export type Limits = { statementSeconds: number; lockSeconds: number; idleInTransactionSeconds: number };

/** What the first statement of a session says of the server. */
export type Server = { encoding: string; version: number; standby: boolean; schema: string | null };

/**
 * What a database or a role can set otherwise, and the service relies on: the text form of what is written and read, which
 * versions of rows a statement sees, how long it may take, and that an answered change is on the disk.
 */
const settings = ({ statementSeconds, lockSeconds, idleInTransactionSeconds }: Limits): Record<string, string> => ({
  client_encoding: 'UTF8',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  // No statement of ours is worth compiling: that takes a hundred times as long as the longest of them.
  jit: 'off',
  statement_timeout: `${statementSeconds}s`,
  lock_timeout: `${lockSeconds}s`,
  idle_in_transaction_session_timeout: `${idleInTransactionSeconds}s`,
  idle_session_timeout: '0',
  transaction_timeout: '0',
});

/** The setting, of no meaning to PostgreSQL, that holds the name of a session: another one's is read where a pooler mixes them up. */
export const SESSION_NAME = 'lumin.session';

/**
 * The schema that the tables are in, or are to be made in: the first one of the role's search_path that has them, else the
 * first one in which they can be made and no other tables have their names.
 */
const SCHEMA = `
  select s.name from pg_catalog.unnest(pg_catalog.array_append(pg_catalog.current_schemas(false), 'public'))
    with ordinality as s (name, place)
  where not pg_catalog.starts_with(s.name, 'pg_')
  order by pg_catalog.to_regclass(pg_catalog.format('%I.log_head', s.name)) is null,
    pg_catalog.has_schema_privilege(pg_catalog.to_regnamespace(pg_catalog.quote_ident(s.name))::oid, 'create') is not true,
    coalesce(pg_catalog.to_regclass(pg_catalog.format('%I.users', s.name)), pg_catalog.to_regclass(pg_catalog.format('%I.events', s.name)),
      pg_catalog.to_regclass(pg_catalog.format('%I.tasks', s.name))) is not null, s.place
  limit 1`;

/**
 * The first statements of a session, in one message. Not parameters of the connection, of which poolers refuse most; and no
 * function or operator is looked for where search_path leads before it is set.
 */
export const beginSession = (name: string, chosen: readonly [name: string, value: string][], limits: Limits): string => {
  const set = (setting: string, value: string): string =>
    `select pg_catalog.set_config(${pg.escapeLiteral(setting)}, ${pg.escapeLiteral(value)}, false)`;
  const ours = Object.entries(settings(limits)).map(([setting, value]) => `(${pg.escapeLiteral(setting)}, ${pg.escapeLiteral(value)})`);
  return [
    'set statement_timeout = 0',
    ...chosen.map(([setting, value]) => set(setting, value)),
    // The one that is set in the address is meant for this service.
    ...(chosen.some(([setting]) => setting === 'search_path')
      ? []
      : [`select pg_catalog.set_config('search_path', pg_catalog.concat(pg_catalog.quote_ident((${SCHEMA})), ', pg_temp'), false)`]),
    `select set_config(s.name, s.value, false) from (values ${ours.join(', ')}) as s (name, value) where current_setting(s.name, true) is not null`,
    // More is the operator's decision: to wait for standbys too, or not.
    `select set_config('synchronous_commit', 'local', false) where current_setting('synchronous_commit') = 'off'`,
    set(SESSION_NAME, name),
    `select current_setting('server_encoding') as encoding, current_setting('server_version_num')::integer as version,
       pg_is_in_recovery() as standby, current_schema() as schema`,
  ].join(';\n');
};

/** @throws UnusableDatabase */
export const checkServer = ({ encoding, version, standby, schema }: Server, primaryOnly: boolean): void => {
  if (encoding !== 'UTF8') {
    throw new UnusableDatabase(`the database has the encoding ${encoding} and cannot hold every text; make one with encoding UTF8`, true);
  }
  if (version < OLDEST_VERSION) {
    throw new UnusableDatabase(`the database server is PostgreSQL ${Math.floor(version / 10_000)}; 15 or later is needed`, true);
  }
  if (schema === null) throw new UnusableDatabase('the database has no schema that search_path names, or this user may not use it');
  if (standby && primaryOnly) throw new UnusableDatabase('the database server is a standby, and DATABASE_URL asks for the primary');
};
