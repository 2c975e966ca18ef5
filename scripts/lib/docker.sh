# shellcheck shell=bash
# Docker for the scripts: sourced after common.sh, never run.
# Provides: docker_up, docker_keep, docker_down, docker_stop, docker_pid, remove_test_containers.

# The label that the test harness puts on each of its containers and networks; its value is the run.
TEST_LABEL=rws-kafka.test
DOCKER_PID="$CACHE/dockerd.pid"
# Exists while the last script that uses the daemon must stop it.
DOCKER_OURS="$CACHE/dockerd.ours"
DOCKER_LOG="$CACHE/dockerd.log"
# Each script that uses the daemon holds a shared lock on it.
DOCKER_USERS="$CACHE/dockerd.lock"

# A client newer than the daemon, without buildx, needs this to build.
export DOCKER_BUILDKIT=0

docker_answers() { timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# docker_pid: prints the process id of the daemon that these scripts started, if it is running.
docker_pid() {
    local pid
    pid="$(cat "$DOCKER_PID" 2>/dev/null)" || return 1
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] || return 1
    printf '%s' "$pid"
}

# docker_up: starts a Docker daemon unless one answers. docker_down of the last script that uses the
# daemon stops one that was started here, unless docker_keep was called.
docker_up() {
    command -v docker >/dev/null || need_packages docker.io iptables
    exec 8>"$DOCKER_USERS"
    flock -s 8
    # Only one script at a time starts it; the next one finds the daemon running.
    exec 7>"$DOCKER_USERS.start"
    flock 7
    docker_answers || docker_start
    exec 7>&-
}

docker_start() {
    [ -z "${DOCKER_HOST:-}" ] || die "no Docker daemon answers at DOCKER_HOST=$DOCKER_HOST"
    [ "$(id -u)" -eq 0 ] ||
        die "no Docker daemon answers; start one, or run this as root so that it can start one"
    need_packages docker.io iptables
    say "starting dockerd (its log: $DOCKER_LOG)"
    # The pid file that a crashed daemon left behind would keep the new one from starting.
    docker_pid >/dev/null || rm -f "$DOCKER_PID"
    # In its own session: Ctrl-C must not end the daemon before docker_down.
    setsid dockerd --data-root "$CACHE/docker" --pidfile "$DOCKER_PID" \
        >"$DOCKER_LOG" 2>&1 </dev/null 6>&- 7>&- 8>&- 9>&- &
    local daemon=$! deadline=$((SECONDS + 60))
    until docker_answers; do
        if ! kill -0 "$daemon" 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
            kill "$daemon" 2>/dev/null || true
            tail -n 20 "$DOCKER_LOG" >&2
            die "dockerd did not start; see $DOCKER_LOG"
        fi
        sleep 0.2
    done
    : >"$DOCKER_OURS"
}

docker_keep() { rm -f "$DOCKER_OURS"; }

# docker_down: stops using the daemon, and stops it if these scripts started it and no other one uses it.
docker_down() {
    if [ -f "$DOCKER_OURS" ] && flock -n -x 8 2>/dev/null; then
        docker_stop
    fi
    exec 8>&-
}

# docker_stop: stops the daemon that these scripts started, within a minute.
docker_stop() {
    local pid deadline=$((SECONDS + 50))
    rm -f "$DOCKER_OURS"
    pid="$(docker_pid)" || return 0
    say "stopping dockerd"
    kill "$pid" 2>/dev/null || true
    while docker_pid >/dev/null; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            kill -9 "$pid" 2>/dev/null || true
            break
        fi
        sleep 0.2
    done
}

# remove_test_containers RUN: removes the containers and networks that the tests of this run left
# behind; those of all runs if RUN is empty.
remove_test_containers() {
    local filter="label=$TEST_LABEL${1:+=$1}" ids
    ids="$(timeout 20 docker ps -aq --filter "$filter" 2>/dev/null)" || return 0
    # shellcheck disable=SC2086 # one word an id
    [ -z "$ids" ] || timeout 60 docker rm -fv $ids >/dev/null 2>&1 || true
    ids="$(timeout 20 docker network ls -q --filter "$filter" 2>/dev/null)" || return 0
    # shellcheck disable=SC2086 # one word an id
    [ -z "$ids" ] || timeout 60 docker network rm $ids >/dev/null 2>&1 || true
}
