//! Asking again where that may help.

use super::error::RegistryError;
use std::thread;
use std::time::{Duration, Instant};

/// How often and how long a registry is asked for one thing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retries {
    /// Tries after the first.
    pub(crate) most: u32,
    /// The wait before the first of them; it doubles from there.
    pub(crate) backoff: Duration,
    /// No try begins later than this after the first began.
    pub(crate) deadline: Duration,
}

impl Retries {
    /// Calls `ask` until it succeeds, fails for good, or there is no try left. The last error tells how
    /// many there were.
    pub(crate) fn run<T>(
        &self,
        ask: impl Fn() -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let until = Instant::now() + self.deadline;
        let mut attempt = 0;
        loop {
            let error = match ask() {
                Err(error) if error.is_worth_a_retry() => error,
                outcome => return outcome,
            };
            attempt += 1;
            let wait = self.wait(attempt, &error);
            if attempt > self.most || Instant::now() + wait >= until {
                return Err(tried(error, attempt));
            }
            tracing::debug!(target: "rws_kafka", attempt, ?wait, "asking the schema registry again: {error}");
            thread::sleep(wait);
        }
    }

    /// Half of it is fixed and half by chance, so that clients that failed together do not come back
    /// together.
    fn wait(&self, attempt: u32, error: &RegistryError) -> Duration {
        let doubled = self.backoff.saturating_mul(1 << (attempt - 1).min(16));
        let half = doubled / 2;
        let wait = half + half.mul_f64(fastrand::f64());
        match error {
            RegistryError::Unavailable {
                retry_after: Some(asked),
                ..
            } => wait.max(*asked),
            _ => wait,
        }
    }
}

fn tried(mut error: RegistryError, tries: u32) -> RegistryError {
    if let RegistryError::Unreachable { attempts, .. }
    | RegistryError::Unavailable { attempts, .. } = &mut error
    {
        *attempts = tries;
    }
    error
}
