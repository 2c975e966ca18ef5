//! Runs the container library's futures from any thread, async tests included.

use std::{fmt, future::Future, sync::OnceLock, thread, time::Duration};

use tokio::runtime::{Builder, Runtime};

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("harness")
            .enable_all()
            .build()
            .expect("the harness's runtime starts")
    })
}

/// Why [`run`] gave no value.
#[derive(Debug)]
pub(crate) enum Failure<E> {
    Failed(E),
    TimedOut(Duration),
    Panicked,
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::TimedOut(deadline) => write!(f, "no answer within {deadline:?}"),
            Self::Panicked => f.write_str("it panicked"),
        }
    }
}

/// Runs a future on the harness's own runtime and blocks this thread for it.
/// On a thread of its own, for a thread that runs a runtime cannot block on another.
pub(crate) fn run<T, E, F>(
    deadline: Duration,
    future: impl FnOnce() -> F + Send,
) -> Result<T, Failure<E>>
where
    T: Send,
    E: Send,
    F: Future<Output = Result<T, E>>,
{
    let outcome = thread::scope(|scope| {
        scope
            .spawn(|| runtime().block_on(async { tokio::time::timeout(deadline, future()).await }))
            .join()
    });
    match outcome {
        Ok(Ok(Ok(value))) => Ok(value),
        Ok(Ok(Err(error))) => Err(Failure::Failed(error)),
        Ok(Err(_)) => Err(Failure::TimedOut(deadline)),
        Err(_) => Err(Failure::Panicked),
    }
}
