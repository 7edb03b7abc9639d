import { type Kysely, sql } from 'kysely';

/**
 * Nobody but its owner may change or remove what is in the log, or say that a migration was applied, whatever default privileges
 * gave to other roles when the tables were made or a backup was restored. Does nothing where it is not run by the owner.
 */
export const keepAppendOnly = (db: Kysely<unknown>) =>
  sql`do $$
  declare
    given record;
  begin
    -- Two at once would be in each other's way.
    perform pg_advisory_xact_lock(hashtext('lumin.append-only'));
    for given in
      select a.privilege_type as right_, c.oid::regclass as kept, case a.grantee when 0 then 'public' else a.grantee::regrole::text end as role_
      from pg_class c, aclexplode(c.relacl) a
      where c.oid in (to_regclass('events'), to_regclass('kysely_migration'), to_regclass('kysely_migration_lock'))
        and pg_has_role(c.relowner, 'usage') and a.grantee <> c.relowner
        and (a.privilege_type in ('UPDATE', 'DELETE', 'TRUNCATE') or (a.privilege_type = 'INSERT' and c.relname <> 'events'))
    loop
      execute format('revoke %s on %s from %s', given.right_, given.kept, given.role_);
    end loop;
    for given in
      select c.attrelid::regclass as kept, c.attname as name, case a.grantee when 0 then 'public' else a.grantee::regrole::text end as role_
      from pg_attribute c join pg_class t on t.oid = c.attrelid, aclexplode(c.attacl) a
      where c.attrelid = to_regclass('events') and a.privilege_type = 'UPDATE' and a.grantee <> t.relowner and pg_has_role(t.relowner, 'usage')
    loop
      execute format('revoke update (%I) on %s from %s', given.name, given.kept, given.role_);
    end loop;
  end
  $$`.execute(db);
