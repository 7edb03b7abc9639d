import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, type MigrationStep, StoreFailure } from '../../persistence/database/database.ts';
import { type DatabaseUrl, openDatabase } from '../../persistence/database/open-database.ts';
import { postgresAddress } from '../../persistence/database/postgres-address.ts';
import type { Config } from '../config.ts';
import { explained } from './explained.ts';
import { clock, type Finding, latency, latencyOf, ok, unknown, wrong } from './finding.ts';

const CHECKS = ['server', 'encoding', 'durability', 'changes', 'connections', 'schema', 'rights', 'latency', 'clock'] as const;
const named = (name: (typeof CHECKS)[number]): string => (name === 'server' ? 'PostgreSQL' : `PostgreSQL ${name}`);
const LATER = 'can be told once PostgreSQL is reached';

/** What can be told of no server that is not reached. */
export const unreached = (): Finding[] => CHECKS.slice(1).map((name) => unknown(named(name), LATER));

export const postgresOf = async (config: Config, url: string): Promise<Finding[]> => {
  const database = await openDatabase({ kind: 'postgres', url }, 2, () => {}, config.origins.DATABASE_URL);
  try {
    await database.check();
    return [...(await look(config, database, url)), ...(await ownerOf(config))];
  } catch (error) {
    return [explained(named('server'), error, database.place), ...unreached()];
  } finally {
    await database.close();
  }
};

type Facts = {
  version: string;
  encoding: string;
  fsync: string;
  full_page_writes: string;
  synchronous_commit: string;
  standby: boolean;
  read_only: string;
  connections: number;
  schema: string;
  role: string;
  may_create: boolean;
};

// An operator's setting, not what this session has made of it.
const FACTS = `
  select current_setting('server_version') as version, current_setting('server_encoding') as encoding,
    current_setting('fsync') as fsync, current_setting('full_page_writes') as full_page_writes,
    (select reset_val from pg_settings where name = 'synchronous_commit') as synchronous_commit,
    pg_is_in_recovery() as standby, current_setting('default_transaction_read_only') as read_only,
    current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer as connections,
    current_schema() as schema, current_user as role, has_schema_privilege(current_schema(), 'create') as may_create`;

const look = async (config: Config, database: Database, url: string): Promise<Finding[]> => {
  const [facts] = (await database.query<Facts>(FACTS)) as [Facts];
  const { version, encoding, standby, read_only, connections } = facts;
  const wanted = config.DATABASE_POOL_SIZE + config.DATABASE_MAX_OVERFLOW;
  const set = (settings: string): string => `psql ${psqlName(url)} -c "alter system set ${settings}" -c "select pg_reload_conf()"`;
  const before = Date.now();
  const [{ theirs }] = (await database.query<{ theirs: number }>(
    'select (extract(epoch from clock_timestamp()) * 1000)::float8 as theirs',
  )) as [{ theirs: number }];
  const clockFinding = clock(named('clock'), theirs, before, Date.now());
  return [
    ok(named('server'), `${version} at ${database.location.replace('PostgreSQL at ', '')}`),
    ok(named('encoding'), encoding),
    durability(facts, set),
    standby
      ? wrong(
          named('changes'),
          'the server is a standby: what is read there may be old, and changes are refused',
          'promote it, or name the primary in DATABASE_URL',
        )
      : read_only === 'on'
        ? wrong(named('changes'), 'transactions are read-only by default_transaction_read_only', set('default_transaction_read_only = off'))
        : ok(named('changes'), 'the server takes them'),
    wanted + 2 > connections
      ? wrong(
          named('connections'),
          `the server gives ${connections}, and one process may open ${wanted + 2}`,
          'lower DATABASE_POOL_SIZE and DATABASE_MAX_OVERFLOW, or raise max_connections',
        )
      : ok(named('connections'), `one process opens at most ${wanted + 2} of ${connections}`),
    ...(await schemaAndRights(config, database, facts)),
    latency(named('latency'), await latencyOf(() => database.query('select 1'))),
    clockFinding,
  ];
};

const durability = ({ fsync, full_page_writes, synchronous_commit }: Facts, set: (settings: string) => string): Finding => {
  const off = Object.entries({ fsync, full_page_writes }).filter(([, value]) => value !== 'on');
  if (off.length > 0) {
    const settings = off.map(([name]) => name);
    return wrong(
      named('durability'),
      `${settings.join(' and ')} is off: a power cut may damage the data`,
      settings.map((name) => set(`${name} = on`)).join(' && '),
    );
  }
  const commit = synchronous_commit === 'off' ? 'off, and sessions of this service set it to local' : synchronous_commit;
  return ok(named('durability'), `fsync and full_page_writes are on, synchronous_commit is ${commit}`);
};

/** How psql names the database; without its password, which it asks for or has in a file. */
const psqlName = (url: string): string => {
  const { hosts, user, database } = postgresAddress(url);
  const [host] = hosts;
  return `-h ${host?.name ?? 'localhost'} -p ${host?.port} -U ${user} -d ${database}`;
};

export const schemaOf = (check: string, steps: readonly MigrationStep[], atStart: boolean): Finding => {
  const pending = steps.filter(({ state }) => state === 'pending').length;
  if (pending === 0) return ok(check, `is up to date (${steps.length} steps)`);
  const found = pending === steps.length ? 'is not there yet' : `lacks ${pending} of ${steps.length} steps`;
  return atStart ? ok(check, `${found}; npm start brings it up to date`) : wrong(check, found, 'npm run migrate');
};

/** What the service does with its tables; whoever owns them may. */
const RIGHTS = `
  select coalesce(bool_and(
      has_table_privilege(to_regclass(t.name), 'select') and has_table_privilege(to_regclass(t.name), 'insert')
      and (t.name = 'events' or has_table_privilege(to_regclass(t.name), 'update'))), false)
    and (select bool_and(has_function_privilege(p.oid, 'execute')) from pg_proc p where p.oid = to_regproc('append_v2')) as may
  from (values ('events'), ('users'), ('log_head'), ('tasks'), ('idempotency_keys'), ('checkpoints'), ('leases')) as t (name)
  where to_regclass(t.name) is not null`;

const schemaAndRights = async (config: Config, database: Database, { schema, role, may_create }: Facts): Promise<Finding[]> => {
  const steps = await database.migrate('status').catch((error) => (isRight(error) ? null : Promise.reject(error)));
  const grant = 'run deploy/postgres/roles.sql in this database';
  if (steps === null)
    return [
      unknown(named('schema'), 'this role may not look'),
      wrong(named('rights'), `${role} may not read the schema's table of steps`, grant),
    ];
  const there = steps.some(({ state }) => state !== 'pending');
  const schemaFinding = schemaOf(named('schema'), steps, config.MIGRATE_ON_START);
  if (!there) {
    const may = may_create || config.MIGRATION_DATABASE_URL !== null;
    return [
      schemaFinding,
      may
        ? ok(named('rights'), `${config.MIGRATION_DATABASE_URL === null ? role : 'the role of MIGRATION_DATABASE_URL'} makes the tables`)
        : wrong(
            named('rights'),
            `${role} may not make tables in the schema ${schema}`,
            `grant create on schema ${schema} to ${role}, or set MIGRATION_DATABASE_URL`,
          ),
    ];
  }
  const [{ may }] = (await database.query<{ may: boolean | null }>(RIGHTS)) as [{ may: boolean | null }];
  return [
    schemaFinding,
    may === true
      ? ok(named('rights'), `${role} may do what the service does`)
      : wrong(named('rights'), `${role} may not do all that the service does in its tables`, grant),
  ];
};

const isRight = (error: unknown): boolean =>
  (error as { code?: string }).code === '42501' || (error instanceof StoreFailure && error.sqlstate === '42501');

const ownerOf = async ({ MIGRATION_DATABASE_URL: url, origins }: Config): Promise<Finding[]> => {
  if (url?.kind !== 'postgres') return [];
  const check = 'PostgreSQL for migrations';
  const { user } = postgresAddress(url.url);
  const database = await openDatabase(url, 2, () => {}, origins.MIGRATION_DATABASE_URL);
  try {
    await database.check();
    return [ok(check, `${user} is let in`)];
  } catch (error) {
    return [explained(check, error, database.place)];
  } finally {
    await database.close();
  }
};

/** The embedded database, where nobody has it open; it is not made for a look. */
export const embeddedOf = async (at: DatabaseUrl, held: boolean): Promise<Finding[]> => {
  const check = 'embedded database';
  if (at.kind !== 'pglite' || at.folder === null) return [unknown(check, 'is made in memory at each start, and gone with the process')];
  if (held) return [unknown(check, 'cannot be looked into while another process has it open')];
  if (!existsSync(join(at.folder, 'pg', 'PG_VERSION'))) return [ok(check, 'is not there yet; npm start makes it')];
  const database = await openDatabase(at, 1);
  try {
    return [
      schemaOf(`${check}, schema`, await database.migrate('status'), true),
      latency(check, await latencyOf(() => database.query('select 1'))),
    ];
  } finally {
    await database.close();
  }
};
