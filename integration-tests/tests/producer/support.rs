use integration_tests::Kafka;
use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerConfig};
use serde_json::Value;
use std::cell::Cell;
use std::future::Future;
use std::ops::Deref;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// For whatever should take a moment only.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Settings for a broker, with metrics of their own.
pub(crate) fn config(kafka: &Kafka) -> ProducerConfig {
    ProducerConfig::new(kafka.bootstrap())
        .expect("an address")
        .observer(Observer::new())
}

pub(crate) fn producer(kafka: &Kafka) -> KafkaProducer {
    KafkaProducer::new(config(kafka)).expect("a producer")
}

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
            kafka: kafka.lock().unwrap_or_else(PoisonError::into_inner),
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

/// A message as `kcat` read it.
#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) partition: i64,
    pub(crate) offset: i64,
    pub(crate) timestamp_ms: i64,
    pub(crate) key: Option<String>,
    pub(crate) payload: Option<String>,
    pub(crate) headers: Vec<(String, Option<String>)>,
}

/// All messages of a topic; what is not text is not for this.
pub(crate) fn read(kafka: &Kafka, topic: &str) -> Vec<Seen> {
    let output = kafka.kcat(&["-C", "-e", "-q", "-o", "beginning", "-J", "-t", topic]);
    let output = String::from_utf8(output).expect("JSON is text");
    output.lines().map(seen).collect()
}

fn seen(line: &str) -> Seen {
    let message: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
    let number = |name: &str| message[name].as_i64().expect("a number");
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let headers = message.get("headers").and_then(Value::as_array);
    Seen {
        partition: number("partition"),
        offset: number("offset"),
        timestamp_ms: number("ts"),
        key: text(&message["key"]),
        payload: text(&message["payload"]),
        // Name and value by turns.
        headers: headers.map_or_else(Vec::new, |flat| {
            flat.chunks(2)
                .map(|pair| (text(&pair[0]).expect("a name"), text(&pair[1])))
                .collect()
        }),
    }
}

/// All messages of a topic in a format of `kcat`'s, in order within each partition.
pub(crate) fn read_as(kafka: &Kafka, topic: &str, format: &str) -> Vec<u8> {
    kafka.kcat(&[
        "-C",
        "-e",
        "-q",
        "-o",
        "beginning",
        "-f",
        format,
        "-t",
        topic,
    ])
}

/// The payloads of a topic, which hold no line breaks.
pub(crate) fn payloads(kafka: &Kafka, topic: &str) -> Vec<String> {
    let lines = String::from_utf8(read_as(kafka, topic, "%s\n")).expect("text");
    lines.lines().map(str::to_owned).collect()
}

/// The value of a metric's series without fractions, 0 where there is none.
pub(crate) fn metric(observer: &Observer, family: &str, topic: &str) -> u64 {
    let page = observer.render();
    let series = format!("{family}{{topic=\"{topic}\"}} ");
    page.lines()
        .find_map(|line| line.strip_prefix(&series))
        .map_or(0, |value| value.parse::<f64>().expect("a number") as u64)
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
        assert!(Instant::now() < end, "nobody woke the future");
    }
}
