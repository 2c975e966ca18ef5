//! Programs that a test starts in their own processes.

use std::{
    ffi::OsStr,
    fmt,
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{self, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::wait::{SOON, eventually_some};

/// A program to start as a [`Child`].
///
/// It runs in an empty folder, without the server's and our own settings of this process.
#[must_use = "the program does not run before `start`"]
pub struct Program {
    command: Command,
    log: Option<File>,
    listener: Option<Listener>,
}

type Listener = Box<dyn FnMut(&str) + Send>;

impl Program {
    /// Creates a program from its path: `env!("CARGO_BIN_EXE_…")`.
    pub fn new(path: &str) -> Self {
        let mut command = Command::new(path);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("RWS_CONFIG_") {
                command.env_remove(name);
            }
        }
        Self {
            command,
            log: None,
            listener: None,
        }
    }

    /// Adds an argument.
    pub fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Adds what the program writes to its standard error to this file.
    ///
    /// # Panics
    ///
    /// Panics if the file cannot be opened.
    pub fn log(mut self, path: &Path) -> Self {
        let file = File::options().append(true).create(true).open(path);
        self.log = Some(file.expect("a log"));
        self
    }

    /// Calls `listener` with each line that the program writes to its standard output, at once;
    /// [`Child::wait_for`] and others then see no line.
    pub fn on_line(mut self, listener: impl FnMut(&str) + Send + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be started.
    pub fn start(mut self) -> Child {
        let folder = tempfile::tempdir().expect("an empty folder");
        let is_logged = self.log.is_some();
        let errors = self.log.map_or_else(Stdio::piped, Stdio::from);
        let mut process = self
            .command
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{:?} did not start: {error}", self.command));
        let output = process.stdout.take().expect("its output");
        let (lines, reader) = read_lines(output, self.listener);
        let errors = process.stderr.take();
        assert_eq!(errors.is_none(), is_logged);
        Child {
            process,
            lines,
            kept: Vec::new(),
            reader: Some(reader),
            errors: errors.map(|mut errors| {
                thread::spawn(move || {
                    let mut text = String::new();
                    let _ = errors.read_to_string(&mut text);
                    // Shown with the test when it fails.
                    eprintln!("{text}");
                    text
                })
            }),
            _folder: folder,
        }
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("command", &self.command)
            .finish_non_exhaustive()
    }
}

fn read_lines(
    output: ChildStdout,
    mut listener: Option<Listener>,
) -> (Receiver<String>, JoinHandle<()>) {
    let (sender, lines) = channel();
    let reader = thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            match &mut listener {
                Some(listener) => listener(&line),
                // Fails only if the receiver was dropped.
                None => drop(sender.send(line)),
            }
        }
    });
    (lines, reader)
}

/// A program in its own process, which is killed when this value is dropped.
///
/// Its standard input ends when this process ends, for whatever reason.
#[derive(Debug)]
pub struct Child {
    process: process::Child,
    lines: Receiver<String>,
    /// Lines that no call has returned yet.
    kept: Vec<String>,
    reader: Option<JoinHandle<()>>,
    /// `None` where they go to a log.
    errors: Option<JoinHandle<String>>,
    _folder: TempDir,
}

impl Child {
    /// Waits for a line that begins with `prefix`, and returns what follows on it. Other lines are
    /// kept for later calls.
    ///
    /// # Panics
    ///
    /// Panics if there is no such line within [`SOON`], or the program has ended without it.
    #[track_caller]
    pub fn wait_for(&mut self, prefix: &str) -> String {
        let found = self.kept.iter().position(|line| line.starts_with(prefix));
        if let Some(index) = found {
            return self.kept.remove(index)[prefix.len()..].to_owned();
        }
        let end = Instant::now() + SOON;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                let kept = &self.kept;
                panic!("no line {prefix:?} within {SOON:?}; there were {kept:?}");
            };
            match line.strip_prefix(prefix) {
                Some(rest) => return rest.to_owned(),
                None => self.kept.push(line),
            }
        }
    }

    /// Returns the next line; `None` if there is none within `deadline`, or the program has ended.
    pub fn next_line(&mut self, deadline: Duration) -> Option<String> {
        match self.kept.is_empty() {
            true => self.lines.recv_timeout(deadline).ok(),
            false => Some(self.kept.remove(0)),
        }
    }

    /// Waits until the program has ended, and returns all lines that no call has returned yet.
    pub fn last_lines(&mut self) -> Vec<String> {
        let mut lines = std::mem::take(&mut self.kept);
        lines.extend(self.lines.iter());
        lines
    }

    /// Sends a signal by its name, such as `TERM`.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be sent.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let status = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(status.expect("kill").success(), "{name}");
    }

    /// Kills it by SIGKILL, and waits for its end.
    ///
    /// # Panics
    ///
    /// Panics if it has ended before.
    #[track_caller]
    pub fn kill(&mut self) {
        let ended = self.process.try_wait().expect("its status");
        assert!(ended.is_none(), "the program ended by itself: {ended:?}");
        self.end();
    }

    /// Returns how it ended, once it has and its last line was read.
    ///
    /// # Panics
    ///
    /// Panics if its status is unknown, or the listener panicked.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.process.try_wait().expect("its status")?;
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the listener does not panic");
        }
        Some(status)
    }

    /// Returns `true` if it has ended.
    ///
    /// # Panics
    ///
    /// As [`ended`](Self::ended) does.
    pub fn has_ended(&mut self) -> bool {
        self.ended().is_some()
    }

    /// Waits for its end, and returns how it ended.
    ///
    /// # Panics
    ///
    /// Panics if it has not ended within [`SOON`].
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        eventually_some(SOON, || self.ended())
    }

    /// Returns what it wrote to its standard error, once it has ended.
    ///
    /// # Panics
    ///
    /// Panics if that goes to a [log](Program::log), or was asked for before.
    pub fn errors(&mut self) -> String {
        let errors = self
            .errors
            .take()
            .expect("the program has no log, and its errors are read once");
        errors.join().expect("reading does not panic")
    }

    fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;
    use std::sync::Arc;

    fn shell(script: &str) -> Program {
        Program::new("sh").argument("-c").argument(script)
    }

    #[test]
    fn a_line_that_was_passed_over_is_still_there() {
        let mut child = shell("echo one; echo two 2; echo said >&2; exit 3").start();
        assert_eq!(child.wait_for("two "), "2");
        assert_eq!(child.next_line(SOON).as_deref(), Some("one"));
        assert_eq!(child.wait().code(), Some(3));
        assert_eq!(child.next_line(SOON), None);
        assert_eq!(child.errors(), "said\n");
    }

    #[test]
    fn a_listener_has_heard_all_when_the_end_is_seen() {
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let hears = Arc::clone(&heard);
        let program = shell("seq 1000").on_line(move |line| hears.lock().push(line.to_owned()));
        assert!(program.start().wait().success());
        assert_eq!(heard.lock().len(), 1000);
    }

    #[test]
    fn its_input_stays_open_until_it_is_killed() {
        let mut child = shell("echo up; cat; echo over").start();
        assert_eq!(child.wait_for("up"), "");
        assert!(!child.has_ended());
        child.kill();
        assert!(child.has_ended());
        assert_eq!(child.last_lines(), [""; 0]);
    }
}
