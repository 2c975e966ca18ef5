//! The runtime that connections, relays and blocking calls share for the life of the process. A connection
//! outlives its opener, because it returns to a pool.

use crate::error::OutboxError;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::coop;

/// More steps than tokio allows a task before it must yield. Outside a task there is no such limit.
const MORE_THAN_A_BUDGET: usize = 512;

pub(crate) fn handle() -> Result<&'static Handle, OutboxError> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    RUNTIME
        .get_or_init(|| {
            Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name("rws-kafka-outbox")
                .enable_all()
                .build()
                .map_err(|error| error.to_string())
        })
        .as_ref()
        .map(Runtime::handle)
        .map_err(|detail| OutboxError::Thread {
            detail: detail.clone(),
        })
}

/// Blocks until `future` completes. It opens its connections on the runtime of this module.
pub(crate) fn block_on<T>(
    call: &'static str,
    future: impl Future<Output = Result<T, OutboxError>>,
) -> Result<T, OutboxError> {
    if in_async_task() {
        return Err(OutboxError::InAsyncTask { call });
    }
    let _guard = handle()?.enter();
    // tokio's `block_on` panics where it assumes an async context, such as in `unconstrained`.
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(outcome) => return outcome,
            Poll::Pending => thread::park(),
        }
    }
}

/// Returns `true` if this thread is polling a task: unlike a thread of `spawn_blocking`, it has a budget.
fn in_async_task() -> bool {
    if Handle::try_current().is_err() {
        return false;
    }
    let mut context = Context::from_waker(Waker::noop());
    // Dropping a guard restores the budget to what it was before it, so they are dropped in reverse order.
    let mut taken = Vec::new();
    let mut bounded = false;
    while !bounded && taken.len() < MORE_THAN_A_BUDGET {
        match coop::poll_proceed(&mut context) {
            Poll::Ready(guard) => taken.push(guard),
            Poll::Pending => bounded = true,
        }
    }
    while taken.pop().is_some() {}
    bounded
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Result<u8, OutboxError> {
        block_on("call", async { Ok(1) })
    }

    #[test]
    fn a_plain_thread_may_block() {
        assert_eq!(call().unwrap(), 1);
    }

    #[test]
    fn an_async_task_gets_an_error_and_keeps_its_budget() {
        for runtime in [Builder::new_multi_thread(), Builder::new_current_thread()].iter_mut() {
            let runtime = runtime.build().unwrap();
            runtime.block_on(async {
                let error = call().unwrap_err();
                assert!(error.to_string().contains("spawn_blocking"), "{error}");
                assert!(coop::has_budget_remaining());
                let spawned = tokio::spawn(async { call() }).await.unwrap();
                assert!(matches!(
                    spawned,
                    Err(OutboxError::InAsyncTask { call: "call" })
                ));
            });
        }
    }

    #[test]
    fn a_blocking_thread_of_tokio_may_block() {
        let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let outcome = tokio::task::spawn_blocking(call).await.unwrap();
            assert_eq!(outcome.unwrap(), 1);
            assert_eq!(tokio::task::block_in_place(call).unwrap(), 1);
            // Not detected as an async task, but no panic either.
            assert_eq!(coop::unconstrained(async { call() }).await.unwrap(), 1);
        });
    }
}
