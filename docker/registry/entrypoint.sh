#!/bin/bash
# Runs Apicurio Registry on port 8080, its data in a file that outlives a restart.
# Serves images made of apicurio/apicurio-registry and of packages alike.
#
#   COMPATIBILITY   the rule for every subject without one of its own (BACKWARD)
#   BEARER_TOKEN    what the front asks for, if set
#   HEAP            the JVM's heap (256m)
#
# A file config/application.properties in the working directory is the application's, and wins
# over its own. The front, an nginx on port 8443, is there with a server's key and certificate in
# /etc/registry/server.pem, by TLS, or with a BEARER_TOKEN; clients need a certificate of
# /etc/registry/ca.pem, if there is one.
set -euo pipefail

home=/var/lib/rws-kafka
pem=/etc/registry/server.pem
ca=/etc/registry/ca.pem

if [ -f "$pem" ] || [ -n "${BEARER_TOKEN:-}" ]; then
    {
        if [ -f "$pem" ]; then
            printf 'listen 8443 ssl;\nssl_certificate %s;\nssl_certificate_key %s;\n' "$pem" "$pem"
        else
            printf 'listen 8443;\n'
        fi
        if [ -f "$ca" ]; then
            printf 'ssl_client_certificate %s;\nssl_verify_client on;\n' "$ca"
        fi
        if [ -n "${BEARER_TOKEN:-}" ]; then
            # The registry behind knows nothing of tokens.
            # shellcheck disable=SC2016 # nginx's variable
            printf 'if ($http_authorization != "Bearer %s") { return 401; }\n' "$BEARER_TOKEN"
            printf 'proxy_set_header Authorization "";\n'
        fi
    } >"$home/front.conf"
    nginx -c /opt/rws-kafka/nginx.conf -e /dev/stderr
fi

# The registry becomes process 1, so that it gets the signal of `docker stop`.
for application in /deployments/quarkus-run.jar /deployments/*-runner.jar; do
    [ ! -f "$application" ] || exec java "-Xmx${HEAP:-256m}" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
        -Dquarkus.http.host=0.0.0.0 -Dquarkus.http.port=8080 \
        -Dapicurio.storage.kind=sql \
        "-Dapicurio.datasource.url=jdbc:h2:file:$home/registry" \
        "-Dapicurio.rules.global.compatibility=${COMPATIBILITY:-BACKWARD}" \
        -jar "$application"
done
echo 'no application in /deployments' >&2
exit 1
