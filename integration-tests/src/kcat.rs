use std::{
    io::{ErrorKind, Read, Write},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

const DEADLINE: Duration = Duration::from_secs(30);

/// Runs `kcat` with `arguments` and returns what it wrote to its output.
///
/// # Panics
///
/// When `kcat` is not installed, fails, or has not ended after 30 s.
#[track_caller]
pub fn kcat(arguments: &[&str]) -> Vec<u8> {
    kcat_with_input(arguments, b"")
}

/// Runs `kcat` with `arguments` and `input`, and returns what it wrote to its output.
///
/// # Panics
///
/// When `kcat` is not installed, fails, or has not ended after 30 s.
#[track_caller]
pub fn kcat_with_input(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = match Command::new("kcat")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("kcat is not installed: run scripts/test, or apt-get install kcat")
        }
        Err(error) => panic!("kcat did not start: {error}"),
    };
    let mut stdin = child.stdin.take().expect("its input is piped");
    let mut stdout = child.stdout.take().expect("its output is piped");
    let mut stderr = child.stderr.take().expect("its errors are piped");

    // Each pipe is served at once, so that none of them fills up and blocks the others.
    let (status, output, errors) = thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        let output = scope.spawn(move || read_all(&mut stdout));
        let errors = scope.spawn(move || read_all(&mut stderr));
        let status = wait(&mut child);
        let output = output.join().expect("reading does not panic");
        let errors = errors.join().expect("reading does not panic");
        (status, output, errors)
    });
    let errors = String::from_utf8_lossy(&errors);
    match status {
        Some(status) if status.success() => output,
        Some(status) => panic!("kcat {}: {status}\n{errors}", arguments.join(" ")),
        None => panic!(
            "kcat {} did not end within {DEADLINE:?}\n{errors}",
            arguments.join(" ")
        ),
    }
}

/// `None` when it had to be killed.
fn wait(child: &mut Child) -> Option<ExitStatus> {
    let end = Instant::now() + DEADLINE;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

fn read_all(source: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = source.read_to_end(&mut bytes);
    bytes
}
