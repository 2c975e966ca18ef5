use integration_tests::{Kafka, SOON, metric};
use parking_lot::{Mutex, MutexGuard};
use rws_kafka_observe::Observer;
use std::cell::Cell;
use std::future::Future;
use std::ops::Deref;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

/// A broker without automatic topics that tests pause, one test at a time. It is thawed when the
/// test is over, however it went.
pub(crate) struct Pausable {
    kafka: MutexGuard<'static, Kafka>,
    paused: Cell<bool>,
}

impl Pausable {
    pub(crate) fn take() -> Self {
        static KAFKA: OnceLock<Mutex<Kafka>> = OnceLock::new();
        let kafka = KAFKA.get_or_init(|| {
            Mutex::new(Kafka::start_with(&[("auto.create.topics.enable", "false")]))
        });
        Self {
            kafka: kafka.lock(),
            paused: Cell::new(false),
        }
    }

    pub(crate) fn pause(&self) {
        self.paused.set(true);
        self.kafka.pause();
    }

    pub(crate) fn unpause(&self) {
        self.kafka.unpause();
        self.paused.set(false);
    }
}

impl Deref for Pausable {
    type Target = Kafka;

    fn deref(&self) -> &Kafka {
        &self.kafka
    }
}

impl Drop for Pausable {
    fn drop(&mut self) {
        if self.paused.get() {
            self.kafka.unpause();
        }
    }
}

/// Returns the payloads of a topic, which hold no line breaks.
pub(crate) fn payloads(kafka: &Kafka, topic: &str) -> Vec<String> {
    let lines = String::from_utf8(kafka.format_with_kcat(topic, "%s\n")).expect("text");
    lines.lines().map(str::to_owned).collect()
}

/// Returns the value of a topic's counter, 0 where there is none.
pub(crate) fn counted(observer: &Observer, family: &str, topic: &str) -> u64 {
    let series = format!("{family}{{topic=\"{topic}\"}}");
    metric(observer, &series).unwrap_or_default() as u64
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls a future on this thread until it is ready, each time that it asks to be polled.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let end = Instant::now() + SOON;
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park_timeout(end.saturating_duration_since(Instant::now())),
        }
        assert!(Instant::now() < end, "the future was not woken in time");
    }
}
