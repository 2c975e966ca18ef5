use std::{
    thread,
    time::{Duration, Instant},
};

/// The deadline for operations that take a second or two on an idle machine.
pub const SOON: Duration = Duration::from_secs(60);

const INTERVAL: Duration = Duration::from_millis(20);

/// Waits until `condition` holds, for up to [`SOON`].
///
/// # Panics
///
/// Panics if it does not hold within [`SOON`]; the message names the caller's line.
#[track_caller]
pub fn soon(condition: impl FnMut() -> bool) {
    eventually(SOON, condition);
}

/// Waits until `condition` holds.
///
/// # Panics
///
/// Panics if it does not within `deadline`; the message names the caller's line.
#[track_caller]
pub fn eventually(deadline: Duration, mut condition: impl FnMut() -> bool) {
    eventually_some(deadline, || condition().then_some(()));
}

/// Waits until `probe` gives a value, and returns it.
///
/// # Panics
///
/// Panics if it gives none within `deadline`; the message names the caller's line.
#[track_caller]
pub fn eventually_some<T>(deadline: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + deadline;
    loop {
        if let Some(value) = probe() {
            return value;
        }
        if Instant::now() >= end {
            panic!("the condition did not hold within {deadline:?}");
        }
        thread::sleep(INTERVAL);
    }
}

/// Calls `check`, which panics if something is wrong, again and again for this time.
#[track_caller]
pub fn throughout(time: Duration, mut check: impl FnMut()) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        check();
        // More often than `wait` does, because a wrong state may be short.
        thread::sleep(INTERVAL / 4);
    }
    check();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_comes_true_ends_the_wait() {
        let mut calls = 0;
        eventually(Duration::from_secs(5), || {
            calls += 1;
            calls == 3
        });
        assert_eq!(calls, 3);
    }

    #[test]
    fn a_check_is_called_from_the_beginning_to_the_end() {
        let (begun, mut calls) = (Instant::now(), 0);
        throughout(Duration::from_millis(50), || calls += 1);
        assert!(begun.elapsed() >= Duration::from_millis(50));
        assert!(calls >= 2, "{calls}");
    }

    #[test]
    #[should_panic(expected = "did not hold within 30ms")]
    fn a_condition_that_never_holds_panics() {
        eventually(Duration::from_millis(30), || false);
    }
}
