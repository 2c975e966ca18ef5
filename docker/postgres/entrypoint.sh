#!/bin/sh
# Starts PgBouncer beside PostgreSQL; with a certificate in /etc/rws-kafka/server.pem (key and chain),
# PostgreSQL speaks TLS.
set -eu

set -- -c 'listen_addresses=*' -c unix_socket_directories=/tmp -c max_connections=200 -c jit=off "$@"
pem=/etc/rws-kafka/server.pem
if [ -f "$pem" ]; then
    own=/var/lib/rws-kafka/server.pem
    # PostgreSQL refuses a key that others may read.
    (umask 077 && cat "$pem" >"$own")
    set -- -c ssl=on -c "ssl_cert_file=$own" -c "ssl_key_file=$own" "$@"
fi
# Left by a container that was killed.
rm -f /tmp/pgbouncer.pid /tmp/.s.PGSQL.*
pgbouncer --daemon --quiet /etc/rws-kafka/pgbouncer.ini
exec postgres -D /var/lib/rws-kafka/data "$@"
