use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

/// An ignored test of the same binary that runs in a process of its own, to be killed or paused; killed
/// when this is dropped.
///
/// It asks [`order`](Self::order) what to do, and ends with the test that started it, however that ends.
#[derive(Debug)]
pub struct ChildTest(Child);

impl ChildTest {
    /// Runs `test`, by its full name, with `order` in the environment variable `variable`. Its log is
    /// added to `log`.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start(test: &str, variable: &str, order: &str, log: &Path) -> Self {
        let log = File::options().append(true).create(true).open(log);
        let child = Command::new(std::env::current_exe().expect("this binary"))
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env(variable, order)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log.expect("a log"))
            .spawn();
        Self(child.expect("the test binary starts"))
    }

    /// In the process: what it is to do. `None` where it was not started by a test.
    pub fn order(variable: &str) -> Option<String> {
        let order = std::env::var(variable).ok()?;
        // A test that is killed must not leave it running: its input ends with the test.
        thread::spawn(|| {
            let _ = std::io::stdin().read(&mut [0]);
            std::process::exit(2);
        });
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
            .with_writer(std::io::stderr)
            .init();
        Some(order)
    }

    /// Whether it has ended by itself.
    ///
    /// # Panics
    ///
    /// When that cannot be told.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("its status").is_some()
    }

    /// Sends it a signal, such as `-STOP`.
    ///
    /// # Panics
    ///
    /// When it cannot be sent.
    pub fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        let status = Command::new("kill").args([name, &id]).status();
        assert!(status.expect("kill").success(), "{name}");
    }
}

impl Drop for ChildTest {
    /// By SIGKILL.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
