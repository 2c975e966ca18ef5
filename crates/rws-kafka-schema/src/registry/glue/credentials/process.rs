//! Gets credentials from a program: a profile's `credential_process`.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>

use super::{Credentials, Document};
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How long the program may run.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum size of its output, in bytes.
const LARGEST_OUTPUT: u64 = 64 << 10;

/// Runs `command` in the shell and parses its output; its error output goes where this process's goes.
pub(super) fn run(command: &str) -> Result<Credentials, String> {
    run_within(command, TIMEOUT)
}

fn run_within(command: &str, timeout: Duration) -> Result<Credentials, String> {
    let until = Instant::now() + timeout;
    let wrong = |why: String| format!("credential_process {why}");
    let mut child = shell(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| wrong(format!("cannot be run: {error}")))?;
    let output = output(&mut child, until);
    let is_too_large = |output: &Vec<u8>| output.len() as u64 > LARGEST_OUTPUT;
    if output.as_ref().is_some_and(is_too_large) {
        end(child);
        return Err(wrong("wrote more than 64 KiB".to_owned()));
    }
    let status = match output {
        Some(_) => exit(&mut child, until),
        None => None,
    };
    let (Some(output), Some(status)) = (output, status) else {
        end(child);
        return Err(wrong(format!("did not end within {timeout:?}")));
    };
    if !status.success() {
        return Err(wrong(format!("failed: {status}")));
    }
    let document = Document::read(&output).map_err(wrong)?;
    match document.version {
        Some(1) => document.credentials().map_err(wrong),
        Some(other) => Err(wrong(format!("returned version {other}; allowed: 1"))),
        None => Err(wrong("returned no Version; allowed: 1".to_owned())),
    }
}

fn shell(command: &str) -> Command {
    let (shell, flag) = if cfg!(windows) {
        ("cmd.exe", "/C")
    } else {
        ("sh", "-c")
    };
    let mut run = Command::new(shell);
    run.args([flag, command]);
    run
}

/// Kills `child` unless it has already ended, and reaps it.
fn end(mut child: Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Returns everything that `child` writes, or `None` if it does not finish in time or cannot be read. The
/// reading thread ends with the last process that can still write.
fn output(child: &mut Child, until: Instant) -> Option<Vec<u8>> {
    let stdout = child.stdout.take()?;
    let (done, outcome) = mpsc::channel();
    let reading = thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.take(LARGEST_OUTPUT + 1).read_to_end(&mut bytes);
        // It fails if the receiver has stopped waiting.
        let _ = done.send(read.map(|_| bytes));
    });
    reading.ok()?;
    let left = until.saturating_duration_since(Instant::now());
    outcome.recv_timeout(left).ok()?.ok()
}

/// Waits for `child`, which has written everything; returns `None` if it does not exit in time.
fn exit(child: &mut Child, until: Instant) -> Option<ExitStatus> {
    let mut wait = Duration::from_millis(1);
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if Instant::now() >= until {
            return None;
        }
        thread::sleep(wait);
        wait = (2 * wait).min(Duration::from_millis(50));
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_program_gives_credentials() {
        let found = run(
            r#"echo '{"Version": 1, "AccessKeyId": "id", "SecretAccessKey": "hidden", "SessionToken": "t", "Expiration": "2015-08-30T12:36:00Z"}'"#,
        )
        .unwrap();
        assert_eq!(found.access_key_id(), "id");
        assert_eq!(found.secret_access_key().expose_secret(), "hidden");
        assert_eq!(found.session_token().unwrap().expose_secret(), "t");
        assert!(found.expires.is_some());
    }

    #[test]
    fn a_program_that_gives_none_is_told_of_without_its_words() {
        for (command, why) in [
            ("echo hidden; exit 3", "failed: exit status: 3"),
            (
                "echo hidden",
                "returned invalid JSON credentials, at line 1 column 1",
            ),
            (
                r#"echo '{"Version": 2, "AccessKeyId": "hidden"}'"#,
                "returned version 2; allowed: 1",
            ),
            (
                r#"echo '{"Version": 1, "AccessKeyId": "hidden"}'"#,
                "returned no SecretAccessKey",
            ),
            ("head -c 70000 /dev/zero", "wrote more than 64 KiB"),
        ] {
            let error = run(command).unwrap_err();
            assert!(error.contains(why), "{command}: {error}");
            assert!(!error.contains("hidden"), "{error}");
        }
    }

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        for command in ["exec sleep 60", "exec >&-; exec sleep 60"] {
            let error = run_within(command, Duration::from_millis(200)).unwrap_err();
            assert!(error.contains("did not end within 200ms"), "{error}");
        }
    }
}
