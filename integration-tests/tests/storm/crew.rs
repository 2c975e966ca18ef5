//! The workers, as the test sees them.

use crate::order::Order;
use crate::worker::{CLEAN, MARK, OWNS, REBALANCING, STOPPED};
use integration_tests::eventually;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// For a process to begin, which takes a moment on a busy machine.
const START: Duration = Duration::from_secs(30);
/// For a process to stop: as long as a worker's own deadline, and some more.
const STOP: Duration = Duration::from_secs(45);

/// One worker process. Killed when this is dropped.
pub(crate) struct Worker {
    pub(crate) id: usize,
    process: Child,
    heard: Arc<Mutex<Heard>>,
    listener: Option<JoinHandle<()>>,
    log: PathBuf,
    /// When it was asked to stop.
    asked: Option<Instant>,
}

/// What a worker said of itself last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    /// Whether it said anything: from then on it takes SIGTERM.
    pub(crate) is_up: bool,
    pub(crate) owns: Vec<i32>,
    rebalancing_since: Option<Instant>,
    stopped: Option<String>,
}

impl Heard {
    pub(crate) fn is_rebalancing(&self) -> bool {
        self.rebalancing_since.is_some()
    }

    pub(crate) fn rebalancing_for(&self) -> Duration {
        self.rebalancing_since
            .map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl Worker {
    /// Starts this binary again, with one test only, which finds `order` and works.
    pub(crate) fn start(order: &Order, test: &str) -> Self {
        let (name, value) = order.variable();
        let log = order
            .journal
            .with_file_name(format!("worker-{}.log", order.worker));
        let errors = File::create(&log).expect("a log");
        let mut process = Command::new(std::env::current_exe().expect("this binary"))
            .args(["--exact", test, "--nocapture"])
            .env(name, value)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .expect("a worker starts");
        let heard = Arc::new(Mutex::new(Heard::default()));
        let listener = {
            let output = process.stdout.take().expect("its output");
            let heard = Arc::clone(&heard);
            thread::spawn(move || listen(output, &heard))
        };
        Self {
            id: order.worker,
            process,
            heard,
            listener: Some(listener),
            log,
            asked: None,
        }
    }

    pub(crate) fn heard(&self) -> Heard {
        self.heard.lock().unwrap().clone()
    }

    /// Kills it at once.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// Asks it to stop in order.
    pub(crate) fn ask_to_stop(&mut self) {
        eventually(START, || self.heard().is_up);
        let status = Command::new("kill")
            .args(["-TERM", &self.process.id().to_string()])
            .status()
            .expect("kill");
        assert!(status.success(), "{self} takes no SIGTERM");
        self.asked = Some(Instant::now());
    }

    /// How long it took to stop, once it has.
    ///
    /// # Panics
    ///
    /// When it left something undone, or is not gone in time.
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

    /// How it ended, when it has and its last words are heard.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.process.try_wait().expect("its status")?;
        if let Some(listener) = self.listener.take() {
            listener.join().expect("the listener does not panic");
        }
        Some(status)
    }

    fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
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

fn listen(output: ChildStdout, heard: &Mutex<Heard>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        // The test runner's own words come before, on the same line.
        let Some((_, said)) = line.split_once(MARK) else {
            continue;
        };
        let mut heard = heard.lock().unwrap();
        heard.is_up = true;
        if let Some(how) = said.strip_prefix(STOPPED) {
            heard.stopped = Some(how.to_owned());
        } else if let Some((owns, state)) = said
            .strip_prefix(OWNS)
            .and_then(|said| said.split_once(';'))
        {
            heard.owns = owns.split(',').filter_map(|p| p.parse().ok()).collect();
            heard.rebalancing_since = (state == REBALANCING)
                .then(|| heard.rebalancing_since.unwrap_or_else(Instant::now));
        }
    }
}
