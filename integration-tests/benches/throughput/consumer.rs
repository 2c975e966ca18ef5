use crate::raw;
use crate::report::Rates;
use integration_tests::{Kafka, unique};
use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, KafkaConsumer};
use rws_kafka_observe::Observer;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The properties that ours sets.
const SAME: [(&str, &str); 3] = [
    ("fetch.queue.backoff.ms", "5"),
    ("queued.max.messages.kbytes", "16384"),
    ("fetch.max.bytes", "8388608"),
];

pub(crate) fn compare(kafka: &Kafka, topics: &[String], bytes: usize, messages: usize) {
    let (mut ours, mut raw, mut defaults) = (Rates::default(), Rates::default(), Rates::default());
    let bootstrap = kafka.bootstrap();
    for (round, topic) in topics.iter().enumerate() {
        for turn in 0..3 {
            let group = unique("bench");
            match (round + turn) % 3 {
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
}

fn consume(bootstrap: &str, topic: &str, group: &str, messages: usize) -> Duration {
    let config = ConsumerConfig::new(bootstrap, group)
        .expect("settings")
        .observer(Observer::new());
    let first = Arc::new(OnceLock::new());
    let count = Arc::new(AtomicUsize::new(0));
    let (done, all_done) = channel();
    let handle = KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe([topic]))
        .expect("a consumer")
        .start({
            let first = Arc::clone(&first);
            move |msg: ConsumerContext| {
                let handled = count.fetch_add(1, Ordering::Relaxed) + 1;
                if handled == 1 {
                    first.get_or_init(Instant::now);
                }
                if handled == messages {
                    done.send(Instant::now()).expect("someone waits");
                }
                msg.commit()
            }
        });
    let end = all_done
        .recv_timeout(Duration::from_secs(120))
        .expect("all messages");
    let report = handle.stop();
    assert!(report.is_clean(), "{report:?}");
    end - *first.get().expect("a message")
}
