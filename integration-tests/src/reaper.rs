//! Removes this process's containers and networks when the process is gone, however it went:
//! statics are not dropped, and a killed process drops nothing.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

use crate::names::unique;

/// On every container and network: which run of `scripts/test` made it.
pub(crate) const RUN_LABEL: &str = "rws-kafka.test";
/// On every container and network: which process made it.
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

/// The value of [`RUN_LABEL`].
pub(crate) fn run_label() -> String {
    std::env::var("RWS_KAFKA_TEST_RUN").unwrap_or_else(|_| "by-hand".to_owned())
}

/// The value of [`PROCESS_LABEL`].
pub(crate) fn process_label() -> &'static str {
    static LABEL: OnceLock<String> = OnceLock::new();
    LABEL.get_or_init(|| unique("harness"))
}

/// Calls `create` with the reaper watching.
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
        // A reaper that is gone leaves the removal to the containers' own drop.
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
        // Ctrl-C is for the tests, not for what cleans up after them.
        .process_group(0)
        .spawn()
        .expect("sh starts")
}
