use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

/// Work on its own thread, which is abandoned when it takes too long.
pub(super) struct Bounded<T> {
    result: Receiver<T>,
    /// Why the thread did not start.
    refused: Option<String>,
}

impl<T: Send + 'static> Bounded<T> {
    pub(super) fn start(work: impl FnOnce() -> T + Send + 'static) -> Self {
        let (sender, result) = channel();
        let thread = thread::Builder::new()
            .name("rws-kafka-stop".to_owned())
            .spawn(move || {
                // Fails if the work was abandoned and nothing receives its result.
                let _ = sender.send(work());
            });
        Self {
            result,
            refused: thread.err().map(|error| error.to_string()),
        }
    }

    /// Waits for the result until `until`, or returns why there is none.
    pub(super) fn wait(self, until: Instant) -> Result<T, NoResult> {
        let within = until.saturating_duration_since(Instant::now());
        match (self.result.recv_timeout(within), self.refused) {
            (Ok(result), _) => Ok(result),
            (Err(_), Some(cause)) => Err(NoResult::NoThread(cause)),
            (Err(RecvTimeoutError::Timeout), None) => Err(NoResult::TimedOut),
            (Err(RecvTimeoutError::Disconnected), None) => Err(NoResult::Panicked),
        }
    }
}

/// Why work has no result.
#[derive(Debug)]
pub(super) enum NoResult {
    TimedOut,
    Panicked,
    NoThread(String),
}

impl fmt::Display for NoResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("did not end in time"),
            Self::Panicked => f.write_str("panicked"),
            Self::NoThread(cause) => write!(f, "no thread could be started: {cause}"),
        }
    }
}
