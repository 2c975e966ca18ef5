use std::io::{BufRead, BufReader, Read};
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// A child process that is killed when this is dropped.
pub(crate) struct Child {
    process: Process,
    lines: Receiver<String>,
    /// Lines that nobody has asked for yet.
    kept: Vec<String>,
    errors: Option<JoinHandle<String>>,
}

impl Child {
    /// With these variables and no other setting of the server or of Kafka.
    pub(crate) fn start(program: &str, variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("an empty folder");
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("RWS_CONFIG_") {
                command.env_remove(name);
            }
        }
        let mut process = command
            .envs(variables.iter().copied())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a child process");
        let stdout = process.stdout.take().expect("its output");
        let mut stderr = process.stderr.take().expect("its errors");
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let errors = thread::spawn(move || {
            let _folder = folder;
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            // Shown with the test when it fails.
            eprintln!("{text}");
            text
        });
        Self {
            process,
            lines,
            kept: Vec::new(),
            errors: Some(errors),
        }
    }

    /// What follows `prefix` on the next line that begins so.
    pub(crate) fn wait_for(&mut self, prefix: &str) -> String {
        let found = self.kept.iter().position(|line| line.starts_with(prefix));
        if let Some(index) = found {
            return self.kept.remove(index)[prefix.len()..].to_owned();
        }
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| {
                panic!(
                    "no line {prefix:?} within {PATIENCE:?}; there were {:?}",
                    self.kept
                )
            });
            match line.strip_prefix(prefix) {
                Some(rest) => return rest.to_owned(),
                None => self.kept.push(line),
            }
        }
    }

    /// Sends a signal by its name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.process.id().to_string()])
            .status()
            .expect("kill");
        assert!(status.success());
    }

    /// How it ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut ended = None;
        integration_tests::eventually(PATIENCE, || {
            ended = self.process.try_wait().expect("its status");
            ended.is_some()
        });
        ended.expect("it has ended")
    }

    /// What it wrote to its standard error, once it has ended.
    pub(crate) fn stderr(&mut self) -> String {
        let errors = self.errors.take().expect("asked once");
        errors.join().expect("its errors")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
