//! A test in a process of its own, as a worker that can be killed.

use std::process::{Child, Command, Stdio};

const ARGUMENTS: &str = "CONSUMER_TEST_WORKER";
const SEPARATOR: &str = "\n";

/// What the test that runs as a worker was given; `None` in the test itself.
pub(crate) fn arguments() -> Option<Vec<String>> {
    let given = std::env::var(ARGUMENTS).ok()?;
    Some(given.split(SEPARATOR).map(str::to_owned).collect())
}

/// A worker process; killed when it is dropped.
pub(crate) struct Worker(Child);

impl Worker {
    /// Runs `test`, by its full name, with `arguments`.
    pub(crate) fn start(test: &str, arguments: &[String]) -> Self {
        let child = Command::new(std::env::current_exe().expect("a test binary"))
            .args(["--exact", test, "--nocapture"])
            .env(ARGUMENTS, arguments.join(SEPARATOR))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the test binary starts");
        Self(child)
    }

    /// By SIGKILL.
    ///
    /// # Panics
    ///
    /// When it has ended before.
    pub(crate) fn kill(&mut self) {
        let ended = self.0.try_wait().expect("a child can be waited for");
        assert!(ended.is_none(), "the worker has ended by itself: {ended:?}");
        self.0.kill().expect("a child can be killed");
        self.0.wait().expect("a child can be waited for");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
