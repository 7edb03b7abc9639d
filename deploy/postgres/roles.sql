-- Two roles for the service's database: an owner, as whom migrations run, and a role that the service runs as, which may add to the
-- log and neither change nor remove what is in it.
--   LUMIN_OWNER_PASSWORD=… LUMIN_SERVICE_PASSWORD=… psql --dbname postgresql://admin@host/database --file deploy/postgres/roles.sql
-- As a superuser, or as one who may create roles and owns the database and its schema. Before the first migration or after any of
-- them, as often as you like: what later migrations make is granted too. Needs psql 15 or later. Passwords are never arguments, which
-- every user of a machine can see; without one, a role's password stays as it is.
-- A second LUMIN_SERVICE has the same rights beside the first one: for a new password without a failed request, the two serve in turn.
-- Other names: LUMIN_OWNER, LUMIN_SERVICE, LUMIN_SCHEMA. Where the service has run already, LUMIN_OWNER is whoever owns its tables.
\set ON_ERROR_STOP on
\set owner lumin_owner
\set service lumin_service
\set schema public
\set owner_password ''
\set service_password ''
\getenv owner LUMIN_OWNER
\getenv service LUMIN_SERVICE
\getenv schema LUMIN_SCHEMA
\getenv owner_password LUMIN_OWNER_PASSWORD
\getenv service_password LUMIN_SERVICE_PASSWORD
set client_min_messages = warning;
begin;

select format('create role %I login', name) from (values (:'owner'), (:'service')) as wanted (name)
where not exists (select from pg_roles where rolname = name) \gexec
select format('alter role %I login password %L', name, password)
from (values (:'owner', :'owner_password'), (:'service', :'service_password')) as wanted (name, password) where password <> '' \gexec
-- Whoever runs this must belong to the owner to set what the owner's tables grant.
select format('grant %I to current_user', :'owner') where not pg_has_role(:'owner', 'usage') \gexec

revoke create on schema :"schema" from public, :"service";
grant usage, create on schema :"schema" to :"owner";
grant usage on schema :"schema" to :"service";

-- What is there, and what later migrations make. Migrations themselves take away what nobody may do with the log.
grant select, insert, update, delete on all tables in schema :"schema" to :"service";
grant usage, select on all sequences in schema :"schema" to :"service";
grant execute on all routines in schema :"schema" to :"service";
alter default privileges for role :"owner" in schema :"schema" grant select, insert, update, delete on tables to :"service";
alter default privileges for role :"owner" in schema :"schema" grant usage, select on sequences to :"service";
alter default privileges for role :"owner" in schema :"schema" grant execute on routines to :"service";

select format('revoke %s on %I.%I from %I', case name when 'events' then 'update, delete, truncate' else 'insert, update, delete, truncate' end,
  :'schema', name, :'service')
from (values ('events'), ('kysely_migration'), ('kysely_migration_lock')) as kept (name)
where to_regclass(format('%I.%I', :'schema', name)) is not null \gexec

-- Nothing is changed where the service could rewrite the log all the same, or where the owner is not the one.
select set_config('lumin.owner', :'owner', true), set_config('lumin.service', :'service', true),
  set_config('lumin.log', format('%I.events', :'schema'), true) \g /dev/null
do $$
declare
  owner constant text := current_setting('lumin.owner');
  service constant text := current_setting('lumin.service');
  log constant regclass := to_regclass(current_setting('lumin.log'));
begin
  if pg_has_role(service, owner, 'member') or (select rolsuper or rolcreaterole from pg_roles where rolname = service) then
    raise exception 'the role % is a superuser, may create roles, or belongs to %: nothing can keep it from the log', service, owner;
  end if;
  if (select relowner <> owner::regrole from pg_class where oid = log) then
    raise exception 'the tables belong to %: name it in LUMIN_OWNER', (select relowner::regrole from pg_class where oid = log);
  end if;
  if has_any_column_privilege(service, log, 'update') or has_table_privilege(service, log, 'delete') or has_table_privilege(service, log, 'truncate') then
    raise exception 'the role % may change the log by a right of another role that it belongs to, or that everybody has', service;
  end if;
end
$$;
commit;
