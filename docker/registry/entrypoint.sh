#!/bin/bash
# Runs Apicurio Registry on port 8080, with its data in a file that survives a restart.
# It works in images based on apicurio/apicurio-registry and in those built from packages.
#
#   COMPATIBILITY   the rule for every subject without its own rule (BACKWARD)
#   BEARER_TOKEN    the token that the proxy requires, if set
#   HEAP            the JVM's heap (256m)
#
# A file config/application.properties in the working directory takes precedence over the
# application's own settings. A proxy, nginx on port 8443, runs if /etc/registry/server.pem has a
# server's key and certificate (then it uses TLS) or if BEARER_TOKEN is set. If /etc/registry/ca.pem
# exists, clients need a certificate from this CA.
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
            # The registry behind the proxy does not support tokens.
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
