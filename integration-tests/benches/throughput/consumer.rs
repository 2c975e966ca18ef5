use crate::raw;
use crate::report::Rates;
use integration_tests::{Kafka, unique};
use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, ConsumerHandle, KafkaConsumer};
use rws_kafka_observe::Observer;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The properties that ours sets.
const SAME: [(&str, &str); 3] = [
    ("fetch.queue.backoff.ms", "5"),
    ("queued.max.messages.kbytes", "4096"),
    ("fetch.max.bytes", "8388608"),
];

pub(crate) fn compare(kafka: &Kafka, topics: &[String], bytes: usize, messages: usize) {
    let (mut ours, mut raw, mut defaults) = (Rates::default(), Rates::default(), Rates::default());
    let mut batches = Rates::default();
    let bootstrap = kafka.bootstrap();
    for (round, topic) in topics.iter().enumerate() {
        for turn in 0..4 {
            let group = unique("bench");
            match (round + turn) % 4 {
                3 => batches.add(
                    messages,
                    consume_batches(&bootstrap, topic, &group, messages),
                ),
                0 => ours.add(messages, consume(&bootstrap, topic, &group, messages)),
                1 => raw.add(
                    messages,
                    raw::consume(&bootstrap, topic, &group, messages, &SAME),
                ),
                _ => defaults.add(
                    messages,
                    raw::consume(&bootstrap, topic, &group, messages, &[]),
                ),
            }
        }
        kafka.delete_topic(topic);
    }
    println!("\nconsume {messages} × {bytes} B, one partition, a commit for each message");
    defaults.print("rdkafka poll loop, defaults", None);
    raw.print("rdkafka poll loop, same", None);
    ours.print("KafkaConsumer::start", Some(&raw));
    batches.print("KafkaConsumer::start_batch", Some(&ours));
}

fn consume(bootstrap: &str, topic: &str, group: &str, messages: usize) -> Duration {
    let (mark, marks) = Marks::new(messages);
    let consumer = consumer(bootstrap, topic, group);
    let handle = consumer.start(move |msg: ConsumerContext| {
        mark.handled();
        msg.commit()
    });
    marks.wait(&handle)
}

/// Consumes in batches, with the default bounds.
fn consume_batches(bootstrap: &str, topic: &str, group: &str, messages: usize) -> Duration {
    let (mark, marks) = Marks::new(messages);
    let consumer = consumer(bootstrap, topic, group);
    let handle = consumer.start_batch(move |batch| {
        // As the other handler does, for each message.
        for _ in batch {
            mark.handled();
        }
        batch.commit()
    });
    marks.wait(&handle)
}

fn consumer(bootstrap: &str, topic: &str, group: &str) -> KafkaConsumer {
    let config = ConsumerConfig::new(bootstrap, group).expect("settings");
    KafkaConsumer::new(config.observer(Observer::new()))
        .and_then(|consumer| consumer.subscribe([topic]))
        .expect("a consumer")
}

/// When the first message was handled, and when the last.
struct Mark {
    messages: usize,
    count: AtomicUsize,
    first: Arc<OnceLock<Instant>>,
    done: Sender<Instant>,
}

struct Marks {
    first: Arc<OnceLock<Instant>>,
    done: Receiver<Instant>,
}

impl Marks {
    fn new(messages: usize) -> (Mark, Self) {
        let first = Arc::new(OnceLock::new());
        let (sender, done) = channel();
        let mark = Mark {
            messages,
            count: AtomicUsize::new(0),
            first: Arc::clone(&first),
            done: sender,
        };
        (mark, Self { first, done })
    }

    fn wait(self, handle: &ConsumerHandle) -> Duration {
        let end = self
            .done
            .recv_timeout(Duration::from_secs(120))
            .expect("all messages");
        let report = handle.stop();
        assert!(report.is_clean(), "{report:?}");
        end - *self.first.get().expect("a message")
    }
}

impl Mark {
    fn handled(&self) {
        let handled = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        if handled == 1 {
            self.first.get_or_init(Instant::now);
        }
        if handled == self.messages {
            self.done.send(Instant::now()).expect("someone waits");
        }
    }
}
