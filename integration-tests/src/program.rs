//! Programs of this machine, run with a deadline.

use std::{
    env,
    io::{ErrorKind, Read, Write},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// The deadline after which a program is killed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Returns the path of a program: the one that `scripts/test` installed, or otherwise the name, for
/// the one on the `PATH`.
pub(crate) fn tool(name: &str) -> String {
    let cache = env::var_os("RWS_KAFKA_CACHE").map(PathBuf::from);
    let cache = cache.or_else(|| {
        let of_user = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let of_user = of_user.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
        Some(of_user?.join("rws-kafka"))
    });
    cache
        .map(|cache| cache.join("tools/bin").join(name))
        .filter(|path| path.exists())
        .map_or_else(|| name.to_owned(), |path| path.display().to_string())
}

/// Returns `true` if the `PATH` has a program of this name.
pub(crate) fn is_there(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Runs a program, and returns how it ended (`None` when it had to be killed), its output and its
/// errors.
///
/// # Panics
///
/// Panics if it is not installed, or does not start.
#[track_caller]
pub(crate) fn run_program(
    program: &str,
    arguments: &[&str],
    input: &[u8],
) -> (Option<ExitStatus>, Vec<u8>, String) {
    let mut child = match Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("{program} is not installed: run scripts/test, or apt-get install {program}")
        }
        Err(error) => panic!("{program} did not start: {error}"),
    };
    let mut stdin = child.stdin.take().expect("its input is piped");
    let mut stdout = child.stdout.take().expect("its output is piped");
    let mut stderr = child.stderr.take().expect("its errors are piped");

    // All pipes are served at the same time, so that none of them fills up and blocks the others.
    let (status, output, errors) = thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        let output = scope.spawn(move || read_all(&mut stdout));
        let errors = scope.spawn(move || read_all(&mut stderr));
        let status = wait(&mut child);
        let output = output.join().expect("reading does not panic");
        let errors = errors.join().expect("reading does not panic");
        (status, output, errors)
    });
    (
        status,
        output,
        String::from_utf8_lossy(&errors).into_owned(),
    )
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
