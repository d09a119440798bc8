#!/bin/sh
# Make the database on the first start, then become PostgreSQL itself, as its own user.
#   POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB: the role and database to make. PGDATA: where.
set -eu
: "${POSTGRES_USER:?set POSTGRES_USER}" "${POSTGRES_PASSWORD:?set POSTGRES_PASSWORD}" "${POSTGRES_DB:?set POSTGRES_DB}"
as_postgres() { setpriv --reuid postgres --regid postgres --init-groups "$@"; }

mkdir -p "$PGDATA" /var/run/postgresql
chown -R postgres:postgres "$(dirname "$PGDATA")" /var/run/postgresql
chmod 700 "$PGDATA"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # A start that was cut short leaves a part: it goes into a folder of its own first, and is moved when whole.
  rm -rf "$PGDATA.new"
  printf %s "$POSTGRES_PASSWORD" > /tmp/password && chown postgres /tmp/password
  as_postgres initdb --pgdata "$PGDATA.new" --username "$POSTGRES_USER" --pwfile /tmp/password --auth scram-sha-256 > /dev/null
  rm /tmp/password
  echo "host all all all scram-sha-256" >> "$PGDATA.new/pg_hba.conf"
  printf 'CREATE DATABASE "%s";\n' "$POSTGRES_DB" | as_postgres postgres --single -D "$PGDATA.new" postgres > /dev/null
  rmdir "$PGDATA" && mv "$PGDATA.new" "$PGDATA"
fi
exec setpriv --reuid postgres --regid postgres --init-groups \
  postgres -D "$PGDATA" -c listen_addresses='*' -c shared_buffers=32MB -c max_connections=60
