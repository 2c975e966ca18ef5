use crate::program::{DEADLINE, run_program};

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
    let (status, output, errors) = run_program("kcat", arguments, input);
    match status {
        Some(status) if status.success() => output,
        Some(status) => panic!("kcat {}: {status}\n{errors}", arguments.join(" ")),
        None => panic!(
            "kcat {} did not end within {DEADLINE:?}\n{errors}",
            arguments.join(" ")
        ),
    }
}
