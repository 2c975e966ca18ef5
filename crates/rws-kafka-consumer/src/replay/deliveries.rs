use super::handle::Shared;
use rws_kafka_producer::{Delivery, DeliveryFuture, ProducerError};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// The interval at which a waiting thread checks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);

/// Waits for a delivery until its own timeout, or until the deadline of a stop. Returns `None` in the latter
/// case.
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
