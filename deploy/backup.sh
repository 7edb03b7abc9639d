#!/usr/bin/env bash
# Backs up the PostgreSQL database of DATABASE_URL into a file, and restores such a file into an empty database.
#   deploy/backup.sh create FILE    while the service runs; FILE must not exist
#   deploy/backup.sh restore FILE   DATABASE_URL names an empty database; no process may use it yet
# DATABASE_URL comes from the environment or from .env. Needs pg_dump, pg_restore and psql, none older than the server.
set -euo pipefail
umask 077

say() { printf 'backup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

[[ $# -eq 2 && $1 =~ ^(create|restore)$ ]] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
folder=$(cd -- "$(dirname -- "$2")" && pwd)
file=$folder/$(basename -- "$2")
cd -- "$(dirname -- "$0")/.."

if [[ -z ${DATABASE_URL:-} && -f .env ]]; then
  text=$(< .env)
  # As editors save it: with a byte-order mark, with carriage returns.
  text=${text#$'\xef\xbb\xbf'}
  DATABASE_URL=$(sed -nE "s/^(export )?DATABASE_URL=[\"']?([^\"']*)[\"']?\$/\2/p" <<< "${text//$'\r'/}" | tail -n 1)
fi
[[ ${DATABASE_URL:-} =~ ^postgres(ql)?(\+[a-z0-9]+)?://(.+)$ ]] || fail 'DATABASE_URL must be postgresql://…; the embedded database is backed up by copying its folder while the service is stopped'
export DATABASE_URL
url=postgresql://${BASH_REMATCH[3]}
# asyncpg's name for it.
url=${url/\?ssl=/?sslmode=}
url=${url/&ssl=/&sslmode=}
# Arguments can be seen by every user of the machine, so the password is not among them.
if [[ $url =~ ^(postgresql://[^:/@]*):([^@/]*)@(.*)$ ]]; then
  printf -v PGPASSWORD '%b' "${BASH_REMATCH[2]//%/\\x}"
  export PGPASSWORD
  url=${BASH_REMATCH[1]}@${BASH_REMATCH[3]}
fi

sql() { psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --dbname "$url" "$@"; }
# Reads the whole file: one that is cut off or damaged is refused.
check() {
  [[ $(pg_restore --list -- "$1") =~ ' TABLE DATA '([^ ]+)' events ' ]] && pg_restore --file /dev/null -- "$1" ||
    fail "$1 is not a whole backup of this service"
  schema='"'${BASH_REMATCH[1]}'"'
}

create() {
  [[ ! -e $file ]] || fail "$file exists"
  # New, with a name that nobody foresees: into a file that is there already, addresses would go with that file's rights.
  partial=$(mktemp -- "$file.partial.XXXXXX")
  trap 'rm -f -- "$partial"' EXIT
  # One snapshot: every change that was answered before is in it, and nobody is held up.
  pg_dump --format custom --no-owner --no-privileges --dbname "$url" --file "$partial"
  check "$partial"
  mv -n -- "$partial" "$file"
  say "$(du -h -- "$file" | cut -f 1) in $file"
}

restore() {
  check "$file"
  local tables
  tables=$(sql --command "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'")
  [[ $tables == 0 ]] || fail "the database is not empty ($tables tables and the like); nothing was changed"
  # All of it or nothing, the generation too: Redis may hold what this state has not seen yet, and a generation that was never
  # used, which is part of every key there, hides it.
  {
    echo 'begin;'
    pg_restore --file - --no-owner --no-privileges -- "$file"
    echo "update $schema.deployment set generation =
      greatest(generation + 1, extract(epoch from now() - timestamptz '2026-01-01 00:00Z')::integer);"
    echo 'commit;'
  } | sql > /dev/null
  # Of the restored tables alone: for each of the catalog the server would warn an ordinary role.
  sql <<< "select format('analyze %s', oid::regclass) from pg_class where relnamespace = '$schema'::regnamespace and relkind in ('r', 'p') \\gexec"
  # Of this database, whatever an .env file names for another one.
  MIGRATION_DATABASE_URL=$DATABASE_URL npm run --silent migrate
  npm run --silent lumin -- verify
  say "restored up to position $(sql --command "select position from $schema.log_head")"
}

"$1"
