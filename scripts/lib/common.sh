# shellcheck shell=bash
# Shared by the scripts of this repository: sourced, never run.
# Provides: ROOT, CACHE, say, die, need_packages.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
export ROOT
# What takes long to build and is the same for every checkout: tools, images.
CACHE="${RWS_KAFKA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rws-kafka}"
mkdir -p "$CACHE"

say() { printf '%s\n' "$*"; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# need_packages PACKAGE...: installs the Debian packages that are missing.
need_packages() {
    local missing=() package status as_root=() log="$CACHE/apt.log"
    if ! command -v dpkg-query >/dev/null; then
        say "this is not Debian or Ubuntu; assuming that these are installed: $*"
        return 0
    fi
    for package in "$@"; do
        status="$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)"
        [ "$status" = installed ] || missing+=("$package")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "packages are missing; run as root: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    say "installing with apt-get: ${missing[*]}"
    {
        "${as_root[@]}" apt-get update -q </dev/null &&
            "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
                apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null
    } >"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        die "apt-get failed; see $log"
    }
}
