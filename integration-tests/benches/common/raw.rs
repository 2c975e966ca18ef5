//! The control: rdkafka used directly, with the same properties as ours.

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// Counts deliveries, and passes each on if a call waits for it.
pub(crate) struct Counting {
    delivered: Arc<AtomicUsize>,
    told: Option<Sender<()>>,
}

impl ClientContext for Counting {}

impl ProducerContext for Counting {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        assert!(result.is_ok(), "the control lost a message");
        self.delivered.fetch_add(1, Ordering::Relaxed);
        if let Some(told) = &self.told {
            told.send(()).expect("someone waits");
        }
    }
}

pub(crate) struct RawProducer {
    producer: ThreadedProducer<Counting>,
    delivered: Arc<AtomicUsize>,
}

impl RawProducer {
    /// `told` hears of each delivery.
    pub(crate) fn new(bootstrap: &str, told: Option<Sender<()>>) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap);
        for (name, value) in [
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("partitioner", "murmur2_random"),
            ("linger.ms", "0"),
            ("queue.buffering.max.messages", "100000"),
            ("queue.buffering.max.kbytes", "65536"),
            ("message.timeout.ms", "120000"),
        ] {
            config.set(name, value);
        }
        let delivered = Arc::new(AtomicUsize::new(0));
        let context = Counting {
            delivered: Arc::clone(&delivered),
            told,
        };
        Self {
            producer: config.create_with_context(context).expect("a producer"),
            delivered,
        }
    }

    pub(crate) fn send(&self, topic: &str, payload: &[u8]) {
        let mut record = BaseRecord::<(), [u8]>::to(topic).payload(payload);
        while let Err((error, back)) = self.producer.send(record) {
            assert_eq!(
                error,
                KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)
            );
            record = back;
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn flush(&self) -> usize {
        self.producer
            .flush(Duration::from_secs(60))
            .expect("a flush");
        self.delivered.load(Ordering::Relaxed)
    }
}

/// The properties that ours sets for a consumer.
pub(crate) const SAME: [(&str, &str); 3] = [
    ("fetch.queue.backoff.ms", "5"),
    ("queued.max.messages.kbytes", "4096"),
    ("fetch.max.bytes", "8388608"),
];

/// A poll loop that counts; the time runs from the first message to the last. It commits nothing, unless
/// the properties say so.
pub(crate) fn consume(
    bootstrap: &str,
    topic: &str,
    group: &str,
    messages: usize,
    properties: &[(&str, &str)],
) -> Duration {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false");
    for (name, value) in properties {
        config.set(*name, *value);
    }
    let consumer: BaseConsumer = config.create().expect("a consumer");
    consumer.subscribe(&[topic]).expect("a subscription");
    let mut first = None;
    let mut count = 0;
    while count < messages {
        if let Some(message) = consumer.poll(Duration::from_secs(30)) {
            message.expect("a message");
            first.get_or_insert_with(Instant::now);
            count += 1;
        }
    }
    first.expect("a message").elapsed()
}
