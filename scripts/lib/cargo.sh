# shellcheck shell=bash
# Cargo for the scripts: sourced after common.sh, never run.
# Provides: need_build_packages, need_tool, need_programs, need_browser, features_of, and cargo's settings.

# Needs half the disk space, and nothing here is built twice in a row.
export CARGO_INCREMENTAL=0

TOOLS="$CACHE/tools"
PATH="$TOOLS/bin:$PATH"

# need_build_packages: what rdkafka's C library needs, and jq to read cargo's metadata.
need_build_packages() {
    command -v cargo >/dev/null || die "cargo is not on the PATH; install Rust first"
    need_packages build-essential pkg-config libssl-dev zlib1g-dev jq
}

# need_tool NAME VERSION: installs a tool with cargo, once per version.
need_tool() {
    local log="$CACHE/$1.log" since=$SECONDS there
    there="$("$TOOLS/bin/$1" "${1#cargo-}" --version 2>/dev/null || true)"
    [ "$there" != "$1 $2" ] || return 0
    say "compiling $1 $2 (only once on this machine; takes a minute or two)"
    # Without optimization: the tools run for a second, but optimizing them takes minutes.
    CARGO_TARGET_DIR="$CACHE/tools-target" CARGO_PROFILE_DEV_DEBUG=0 \
        cargo install --locked --debug --force --root "$TOOLS" "$1@$2" >"$log" 2>&1 </dev/null || {
        tail -n 20 "$log" >&2
        die "cannot install $1; see $log"
    }
    rm -rf "$CACHE/tools-target"
    say "$1 took $((SECONDS - since)) s"
}

# need_programs PACKAGE PROGRAM...: extracts programs from a Debian package without installing it,
# because that would start its service.
need_programs() {
    local package="$1" missing='' program folder log="$CACHE/$1.log"
    shift
    for program in "$@"; do
        command -v "$program" >/dev/null || missing=1
    done
    [ -n "$missing" ] || return 0
    command -v dpkg-deb >/dev/null || die "$* is missing, and this is not Debian or Ubuntu; install it by hand"
    say "extracting $* from the package $package"
    folder="$(mktemp -d)"
    # apt may give up its privileges before it writes a file.
    chmod 777 "$folder"
    (
        cd "$folder" &&
            { apt-get download -q "$package" || { update_packages && apt-get download -q "$package"; }; } &&
            dpkg-deb --fsys-tarfile ./*.deb | tar -x --strip-components=3 "${@/#/./usr/bin/}" &&
            mkdir -p "$TOOLS/bin" && mv "$@" "$TOOLS/bin"
    ) >"$log" 2>&1 </dev/null || {
        tail -n 20 "$log" >&2
        die "cannot extract $*; see $log"
    }
    rm -rf "$folder"
}

# update_packages: downloads apt's package lists, which some machines lack.
update_packages() {
    if [ "$(id -u)" -eq 0 ]; then apt-get update -q; else sudo apt-get update -q; fi
}

# need_browser: installs a Chromium for the test of the status page, unless there is one.
need_browser() {
    local name
    for name in chromium-headless-shell chromium chromium-browser google-chrome; do
        ! command -v "$name" >/dev/null || return 0
    done
    need_packages chromium-headless-shell fonts-dejavu-core
}

# features_of all|PACKAGE...: prints every feature of these packages, as one argument of --features.
# `vendored` is left out: it enables no code of ours, and the tests should use the same OpenSSL as the
# users. scripts/check-features compiles it.
features_of() {
    cargo metadata --no-deps --locked --format-version 1 | jq -r '
        [ .packages[]
        | select($ARGS.positional == ["all"] or (.name | IN($ARGS.positional[])))
        | .name as $package | .features | keys[]
        | select(. != "vendored") | "\($package)/\(.)" ]
        | join(",")' --args "$@"
}
