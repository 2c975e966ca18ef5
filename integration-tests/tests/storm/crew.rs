//! The workers, as the test sees them.

use integration_tests::jobs::Job;
use integration_tests::jobs::stormer::{CLEAN, OWNS, REBALANCING, STOPPED, Stormer};
use integration_tests::{Child, eventually};
use parking_lot::Mutex;
use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The deadline for a process to start, which takes a while on a busy machine.
const START: Duration = Duration::from_secs(30);
/// The deadline for a process to stop: somewhat longer than the worker's own deadline.
const STOP: Duration = Duration::from_secs(45);

/// One worker process. Killed when this value is dropped.
pub(crate) struct Worker {
    pub(crate) id: usize,
    process: Child,
    heard: Arc<Mutex<Heard>>,
    log: PathBuf,
    /// When it was asked to stop.
    asked: Option<Instant>,
}

/// The last report of a worker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    /// `true` once it has reported anything: from then on it handles SIGTERM.
    pub(crate) is_up: bool,
    pub(crate) owns: Vec<i32>,
    rebalancing_since: Option<Instant>,
    stopped: Option<String>,
}

impl Heard {
    fn hear(&mut self, said: &str) {
        self.is_up = true;
        if let Some(how) = said.strip_prefix(STOPPED) {
            self.stopped = Some(how.to_owned());
        } else if let Some((owns, state)) = said
            .strip_prefix(OWNS)
            .and_then(|said| said.split_once(';'))
        {
            self.owns = owns.split(',').filter_map(|p| p.parse().ok()).collect();
            self.rebalancing_since =
                (state == REBALANCING).then(|| self.rebalancing_since.unwrap_or_else(Instant::now));
        }
    }

    pub(crate) fn is_rebalancing(&self) -> bool {
        self.rebalancing_since.is_some()
    }

    pub(crate) fn rebalancing_for(&self) -> Duration {
        self.rebalancing_since
            .map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl Worker {
    pub(crate) fn start(stormer: &Stormer) -> Self {
        let name = format!("worker-{}.log", stormer.worker);
        let log = stormer.journal.with_file_name(name);
        let heard = Arc::new(Mutex::new(Heard::default()));
        let hears = Arc::clone(&heard);
        let process = Job::Storm(stormer.clone())
            .program(env!("CARGO_BIN_EXE_child"))
            .log(&log)
            .on_line(move |line| hears.lock().hear(line))
            .start();
        Self {
            id: stormer.worker,
            process,
            heard,
            log,
            asked: None,
        }
    }

    pub(crate) fn heard(&self) -> Heard {
        self.heard.lock().clone()
    }

    /// Kills it at once.
    pub(crate) fn kill(self) {
        drop(self.process);
    }

    /// Asks it to stop with SIGTERM.
    pub(crate) fn ask_to_stop(&mut self) {
        eventually(START, || self.heard().is_up);
        self.process.signal("TERM");
        self.asked = Some(Instant::now());
    }

    /// Returns how long it took to stop, once it has.
    ///
    /// # Panics
    ///
    /// Panics if it left something undone, or is not gone in time.
    pub(crate) fn try_stopped(&mut self) -> Option<Duration> {
        let asked = self.asked.expect("asked to stop").elapsed();
        let Some(status) = self.ended() else {
            assert!(
                asked < STOP,
                "{self} is still there {asked:?} after SIGTERM"
            );
            return None;
        };
        let said = self.heard().stopped.unwrap_or_default();
        assert!(
            status.success() && said == CLEAN,
            "{self} did not stop clean: {status}, {said}"
        );
        Some(asked)
    }

    /// Returns how it ended, once it has ended and its output was read.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }
}

impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heard = self.heard();
        let owns = &heard.owns;
        write!(f, "worker {} (log: {}", self.id, self.log.display())?;
        match (heard.is_up, heard.is_rebalancing()) {
            (false, _) => f.write_str("; not up yet)"),
            (true, false) => write!(f, "; owns {owns:?})"),
            (true, true) => write!(f, "; owns {owns:?}, rebalancing)"),
        }
    }
}
