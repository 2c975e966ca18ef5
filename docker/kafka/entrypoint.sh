#!/bin/bash
# Formats the storage of a KRaft node on its first start, then runs the broker.
# It works in images based on apache/kafka and in those built from Debian and Maven packages.
#
# A variable KAFKA_<NAME> becomes a line of server.properties, spelled as in the
# official image: `_` is `.`, `__` is `_`, `___` is `-`. Other variables:
#   CLUSTER_ID    the cluster's id
#   SCRAM_USERS   users, one per line: SCRAM-SHA-256=[name=app,password=secret]
#   HEAP          the JVM's heap (512m)
#   JAVA_OPTIONS  options for the broker's JVM; the default ones make it start in half the time
#                 and run a little slower
# A file /etc/kafka/extra.properties is appended unchanged and takes precedence.
set -euo pipefail

home=/var/lib/rws-kafka
config=$home/server.properties
extra=/etc/kafka/extra.properties
quick='-XX:TieredStopAtLevel=1 -XX:+UseSerialGC'
java=(java "-Xmx${HEAP:-512m}" -cp '/opt/kafka/libs/*'
    -Dlog4j2.configurationFile=/opt/rws-kafka/log4j2.xml)

# default NAME VALUE: sets KAFKA_<NAME> unless it is set.
default() {
    local name="KAFKA_$1"
    [ -n "${!name+set}" ] || export "$name=$2"
}

default NODE_ID 1
default PROCESS_ROLES broker,controller
default CONTROLLER_QUORUM_VOTERS "$KAFKA_NODE_ID@localhost:9093"
default CONTROLLER_LISTENER_NAMES CONTROLLER
default LISTENERS HOST://:9092,INTERNAL://:19092,CONTROLLER://:9093
default ADVERTISED_LISTENERS HOST://localhost:9092,INTERNAL://localhost:19092
default LISTENER_SECURITY_PROTOCOL_MAP HOST:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
default INTER_BROKER_LISTENER_NAME INTERNAL
default LOG_DIRS $home/data
default AUTO_CREATE_TOPICS_ENABLE true
default OFFSETS_TOPIC_REPLICATION_FACTOR 1
default OFFSETS_TOPIC_NUM_PARTITIONS 5
default TRANSACTION_STATE_LOG_REPLICATION_FACTOR 1
default TRANSACTION_STATE_LOG_MIN_ISR 1
default TRANSACTION_STATE_LOG_NUM_PARTITIONS 5
default SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR 1
default SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR 1
default GROUP_INITIAL_REBALANCE_DELAY_MS 0
# A broker that was frozen for longer than its session briefly reports a cluster without brokers, and a
# librdkafka client that asks at that moment never finds one again (librdkafka #5301). On the other
# hand, a broker that was killed can rejoin only when its session has expired; if it is the controller
# itself, the session counts from its new start. It must keep trying for longer than that, or it exits.
default BROKER_HEARTBEAT_INTERVAL_MS 500
default BROKER_SESSION_TIMEOUT_MS 60000
default INITIAL_BROKER_REGISTRATION_TIMEOUT_MS 240000

{
    for variable in "${!KAFKA_@}"; do
        case "$variable" in
            # Not properties: the official image's scripts read these.
            KAFKA_HOME | KAFKA_VERSION | KAFKA_OPTS | KAFKA_HEAP_OPTS) continue ;;
        esac
        name="${variable#KAFKA_}"
        name="${name,,}"
        name="${name//___/-}"
        name="${name//__/$'\n'}"
        name="${name//_/.}"
        name="${name//$'\n'/_}"
        value="${!variable}"
        # A newline inside a value would start another property.
        printf '%s=%s\n' "$name" "${value//$'\n'/\\n}"
    done
    if [ -f "$extra" ]; then
        cat "$extra"
    fi
} >"$config"

# format: creates a new node's storage, in the version of the image's template.
format() {
    local id
    mkdir -p "$KAFKA_LOG_DIRS"
    cp "$template/bootstrap.checkpoint" "$KAFKA_LOG_DIRS/"
    # It never starts with a dash; nor do the ids that Kafka generates.
    id="$(head -c 16 /dev/urandom | base64 | tr '+/' '-_')"
    cat >"$KAFKA_LOG_DIRS/meta.properties" <<END
version=1
cluster.id=${CLUSTER_ID:-rws-kafka-test-000001}
node.id=$KAFKA_NODE_ID
directory.id=A${id:1:21}
END
}

template=$home/template
if [ ! -f "${KAFKA_LOG_DIRS%%,*}/meta.properties" ]; then
    users=()
    while IFS= read -r user; do
        [ -z "$user" ] || users+=(--add-scram "$user")
    done <<<"${SCRAM_USERS:-}"
    if [ "${#users[@]}" -eq 0 ] && [ -d "$template" ] && [[ "$KAFKA_LOG_DIRS" != *,* ]]; then
        # Writes what the tool would write, without starting a JVM.
        format
    else
        # shellcheck disable=SC2086 # options are words
        "${java[@]}" $quick kafka.tools.StorageTool format \
            --cluster-id "${CLUSTER_ID:-rws-kafka-test-000001}" --config "$config" "${users[@]}"
    fi
fi

# The broker becomes process 1, so that it gets the signal of `docker stop`.
# shellcheck disable=SC2086 # options are words
exec "${java[@]}" ${JAVA_OPTIONS-$quick} kafka.Kafka "$config"
