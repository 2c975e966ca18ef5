//! A test of the same file, run as a process of its own: a server's address comes from the
//! environment, its signals go to a process, and its state is static.

use super::SOON;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Killed when it is dropped.
pub(crate) struct Child {
    process: std::process::Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Child {
    /// Runs the ignored test `role` on a free port, with these environment variables.
    pub(crate) fn start(role: &str, env: &[(&str, &str)]) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("the test's own path"))
            .args([role, "--exact", "--ignored", "--nocapture"])
            .env("RWS_CONFIG_IP", "127.0.0.1")
            .env("RWS_CONFIG_PORT", "0")
            .env("RUST_BACKTRACE", "0")
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child process");
        let stdout = process.stdout.take().expect("its output");
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            process,
            lines,
            seen: Vec::new(),
        }
    }

    /// Waits for a line that holds `marker` and gives what follows it.
    pub(crate) fn wait_for(&mut self, marker: &str) -> String {
        let deadline = Instant::now() + SOON;
        while let Ok(line) = self.lines.recv_timeout(deadline - Instant::now()) {
            let found = line.split_once(marker).map(|(_, rest)| rest.to_owned());
            self.seen.push(line);
            if let Some(rest) = found {
                return rest;
            }
        }
        panic!("{marker:?} was not printed, but:\n{}", self.seen.join("\n"));
    }

    /// `TERM` or `INT`.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.process.id();
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{signal} {id}")])
            .status();
        assert!(sent.expect("a shell").success(), "kill -{signal}");
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(status) = self.process.try_wait().expect("a child of ours") {
                return status;
            }
            assert!(Instant::now() < deadline, "the child does not end");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Both fail only when it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
