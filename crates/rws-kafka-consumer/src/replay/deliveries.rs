use super::handle::Shared;
use rws_kafka_producer::{Delivery, DeliveryFuture, ProducerError};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// How often whoever waits looks whether a stop was asked for.
const LOOK: Duration = Duration::from_millis(100);

/// Waits for a delivery: its own timeout ends it, and the end of a stop. `None` when it is the latter.
pub(super) fn outcome(
    mut delivery: DeliveryFuture,
    shared: &Shared,
) -> Option<Result<Delivery, ProducerError>> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(outcome) = Pin::new(&mut delivery).poll(&mut context) {
            return Some(outcome);
        }
        if shared.stop_by().is_some_and(|by| Instant::now() >= by) {
            return None;
        }
        thread::park_timeout(LOOK);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
