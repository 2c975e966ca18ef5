//! Repeats requests that may succeed the next time.

use super::error::RegistryError;
use std::thread;
use std::time::{Duration, Instant};

/// How often and how long a request is repeated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retries {
    /// The most tries after the first.
    pub(crate) most: u32,
    /// The wait before the second try; it doubles with each further try.
    pub(crate) backoff: Duration,
    /// No try starts later than this after the first one.
    pub(crate) deadline: Duration,
}

impl Retries {
    /// Calls `ask` until it succeeds, fails permanently, or no try is left. The last error contains the
    /// number of tries.
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
            tracing::debug!(
                target: "rws_kafka",
                attempt,
                ?wait,
                "retrying a request to the schema registry: {error}"
            );
            thread::sleep(wait);
        }
    }

    /// Returns the wait before the next try. Half of it is random, so that clients that failed together do
    /// not come back together.
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
