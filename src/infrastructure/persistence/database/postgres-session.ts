import pg from 'pg';
import type { Place } from '../../place.ts';
import { UnusableDatabase } from './database.ts';
import type { SessionKind } from './postgres-address.ts';

const OLDEST_VERSION = 150_000;

export type Limits = { statementSeconds: number; lockSeconds: number; idleInTransactionSeconds: number };

/** What the first statements of a session say of the server. */
export type Server = {
  /** The same in every process; another one once the server was started anew, or is another one. */
  name: string;
  /** The same on a primary and its standbys; empty where the server does not tell. */
  cluster: string;
  /** Null on a standby, and where the server does not tell. */
  timeline: number | null;
  encoding: string;
  version: number;
  standby: boolean;
  /** Whether transactions are read-only unless they say otherwise. */
  readOnly: boolean;
  schema: string | null;
};

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

const [CLUSTER, TIMELINE] = ['lumin.cluster', 'lumin.timeline'];

/** Puts a value into a setting, or nothing where the server does not let this user have it, or cannot tell: no session fails for it. */
const noted = (setting: string, value: string): string => `
  begin perform pg_catalog.set_config('${setting}', (${value})::text, false);
  exception when others then perform pg_catalog.set_config('${setting}', '', false); end;`;

/** Managed servers may forbid the one, and a standby does not tell the other. */
const IDENTITY = `do $$ begin
  ${noted(CLUSTER, 'select system_identifier from pg_catalog.pg_control_system()')}
  ${noted(TIMELINE, 'select pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8)')}
end $$`;

/**
 * Not the timeline: a standby that is promoted stays the server that it was, and loses nothing. Nor the cluster alone: its
 * servers do not have the same log.
 */
const NAME = `to_hex(hashtextextended(concat(current_setting('${CLUSTER}'), '.', extract(epoch from pg_postmaster_start_time())), 0))`;

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
    IDENTITY,
    `select ${NAME} as name, current_setting('${CLUSTER}') as cluster,
       ('x' || nullif(current_setting('${TIMELINE}'), ''))::bit(32)::integer as timeline,
       current_setting('server_encoding') as encoding, current_setting('server_version_num')::integer as version,
       pg_is_in_recovery() as standby, current_setting('default_transaction_read_only')::boolean as "readOnly",
       current_schema() as schema`,
  ].join(';\n');
};

/** Why a session is not of the kind that is wanted, in words that complete "the database server at … is "; null where it is. */
export const unwanted = ({ standby, readOnly }: Server, wanted: SessionKind): string | null => {
  switch (wanted) {
    case 'any':
      return null;
    case 'primary':
      return standby ? 'a standby' : null;
    case 'read-write':
      return standby ? 'a standby' : readOnly ? 'read-only by default_transaction_read_only' : null;
    case 'read-only':
      return standby || readOnly ? null : 'one that takes changes';
    default:
      return standby ? null : 'a primary';
  }
};

/** @throws UnusableDatabase */
export const checkServer = (
  { encoding, version, schema }: Server,
  { at, user, database }: Pick<Place, 'at' | 'user' | 'database'>,
): void => {
  const named = `the database "${database}" on ${at}`;
  if (encoding !== 'UTF8') {
    throw new UnusableDatabase(
      `${named} has the encoding ${encoding} and cannot hold every text`,
      'make one with createdb --encoding UTF8 --template template0, and name it',
      true,
    );
  }
  if (version < OLDEST_VERSION) {
    throw new UnusableDatabase(`${at} is PostgreSQL ${Math.floor(version / 10_000)}`, '15 or later is needed', true);
  }
  if (schema === null) {
    throw new UnusableDatabase(
      `${named} has no schema that search_path names, or the role "${user}" may not use it`,
      'correct search_path, or grant usage on the schema',
    );
  }
};
