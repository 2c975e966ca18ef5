#!/bin/sh
# Starts PgBouncer beside PostgreSQL. If /etc/rws-kafka/server.pem exists (key and certificate chain),
# PostgreSQL uses TLS.
set -eu

set -- -c 'listen_addresses=*' -c unix_socket_directories=/tmp -c max_connections=200 -c jit=off "$@"
pem=/etc/rws-kafka/server.pem
if [ -f "$pem" ]; then
    own=/var/lib/rws-kafka/server.pem
    # PostgreSQL refuses a key that others may read.
    (umask 077 && cat "$pem" >"$own")
    set -- -c ssl=on -c "ssl_cert_file=$own" -c "ssl_key_file=$own" "$@"
fi
# A container that was killed may have left these behind.
rm -f /tmp/pgbouncer.pid /tmp/.s.PGSQL.*
pgbouncer --daemon --quiet /etc/rws-kafka/pgbouncer.ini
exec postgres -D /var/lib/rws-kafka/data "$@"
