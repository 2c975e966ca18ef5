//! Removes this process's containers and networks when the process has ended, for whatever reason:
//! statics are not dropped, and a killed process drops nothing.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

use crate::names::unique;

/// A label of every container and network: the run of `scripts/test` that created it.
pub(crate) const RUN_LABEL: &str = "rws-kafka.test";
/// A label of every container and network: the process that created it.
pub(crate) const PROCESS_LABEL: &str = "rws-kafka.process";

// Its input ends with this process. A container or network whose creation was under
// way at that moment may show up a little later.
const SCRIPT: &str = r#"
reap() {
    ids=$(docker ps -aq --filter "label=$1")
    [ -z "$ids" ] || docker rm -fv $ids
    ids=$(docker network ls -q --filter "label=$1")
    [ -z "$ids" ] || docker network rm $ids
}
creating=0
while read -r line; do
    case $line in
        begin) creating=$((creating + 1)) ;;
        end) creating=$((creating - 1)) ;;
    esac
done
reap "$1"
[ "$creating" -le 0 ] || { sleep 3; reap "$1"; }
"#;

/// Returns the value of [`RUN_LABEL`].
pub(crate) fn run_label() -> String {
    std::env::var("RWS_KAFKA_TEST_RUN").unwrap_or_else(|_| "by-hand".to_owned())
}

/// Returns the value of [`PROCESS_LABEL`].
pub(crate) fn process_label() -> &'static str {
    static LABEL: OnceLock<String> = OnceLock::new();
    LABEL.get_or_init(|| unique("harness"))
}

/// Starts the reaper if necessary, then calls `create`.
pub(crate) fn watched<T>(create: impl FnOnce() -> T) -> T {
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            tell("end");
        }
    }
    tell("begin");
    let _end = End;
    create()
}

fn tell(line: &str) {
    static REAPER: OnceLock<Mutex<Child>> = OnceLock::new();
    let mut reaper = REAPER
        .get_or_init(|| Mutex::new(start()))
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(input) = &mut reaper.stdin {
        // If the reaper has ended, only the containers' own drop removes them.
        let _ = writeln!(input, "{line}");
    }
}

fn start() -> Child {
    Command::new("sh")
        .args(["-c", SCRIPT, "reaper"])
        .arg(format!("{PROCESS_LABEL}={}", process_label()))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C should end the tests, not the process that cleans up after them.
        .process_group(0)
        .spawn()
        .expect("sh starts")
}
