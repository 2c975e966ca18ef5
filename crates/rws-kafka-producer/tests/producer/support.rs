use rws_kafka_observe::Observer;
use rws_kafka_producer::{DeliveryFuture, KafkaProducer, ProducerConfig, ProducerError};
use std::future::Future;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// The timeout of everything that should take only a moment.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Settings with metrics of their own.
pub(crate) fn config(brokers: &str) -> ProducerConfig {
    ProducerConfig::new(brokers)
        .expect("an address")
        .observer(Observer::new())
        .close_timeout(Duration::ZERO)
}

/// An address where nothing listens.
pub(crate) fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

/// A producer for [`nowhere`].
pub(crate) fn producer() -> KafkaProducer {
    KafkaProducer::new(config(&nowhere())).expect("a producer")
}

/// The value of a metric's series; 0 if there is none.
pub(crate) fn metric(observer: &Observer, family: &str, topic: &str) -> u64 {
    let page = observer.render();
    let series = format!("{family}{{topic=\"{topic}\"}} ");
    page.lines()
        .find_map(|line| line.strip_prefix(&series))
        .map_or(0, |value| value.parse().expect("a whole number"))
}

/// Waits until a condition holds.
#[track_caller]
pub(crate) fn eventually(mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < end, "it did not come true within {SOON:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls a future on this thread, each time that it wakes its waker, until it is ready.
pub(crate) fn outcome(future: DeliveryFuture) -> Result<i64, ProducerError> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let end = Instant::now() + SOON;
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(outcome) => return outcome.map(|delivery| delivery.offset),
            Poll::Pending => thread::park_timeout(end.saturating_duration_since(Instant::now())),
        }
        assert!(Instant::now() < end, "nobody woke the future");
    }
}
