use integration_tests::{Kafka, unique, unique_topic};
use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, KafkaConsumer, Ordering};
use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerConfig, Record};
use std::sync::atomic::{AtomicUsize, Ordering as Atomic};
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The result of a run.
pub(crate) struct Outcome {
    /// From the first message to the end of the last.
    pub(crate) time: Duration,
    /// Commits that the broker accepted in that time, by its own log.
    pub(crate) commits: usize,
}

impl Outcome {
    pub(crate) fn commits_a_second(&self) -> f64 {
        self.commits as f64 / self.time.as_secs_f64().max(1.0)
    }
}

/// Returns a topic of one partition with `messages` of `bytes`, whose keys are `keys` in turn.
pub(crate) fn fill(kafka: &Kafka, messages: usize, bytes: usize, keys: usize) -> String {
    let topic = unique_topic("worker");
    kafka.create_topic(&topic, 1);
    let config = ProducerConfig::new(kafka.bootstrap()).expect("settings");
    let producer = KafkaProducer::new(config.observer(Observer::new())).expect("a producer");
    let payload = vec![b'x'; bytes];
    for number in 0..messages {
        let key = format!("key-{}", number % keys);
        let record = Record::to(&topic).key(&key).payload(&payload);
        producer.send_record(record).expect("room in the queue");
    }
    assert!(producer.close(Duration::from_secs(60)).is_complete());
    topic
}

/// Handles all `messages` of `topic` for a group of its own.
pub(crate) fn consume(
    kafka: &Kafka,
    topic: &str,
    messages: usize,
    lanes: usize,
    ordering: Ordering,
    work: impl Fn(&ConsumerContext) + Send + Sync + 'static,
) -> Outcome {
    let group = unique("worker");
    let config = ConsumerConfig::new(kafka.bootstrap(), &group)
        .expect("settings")
        .observer(Observer::new());
    let first = Arc::new(OnceLock::new());
    let count = AtomicUsize::new(0);
    let (done, all_done) = channel();
    let handle = KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe([topic]))
        .expect("a consumer")
        .concurrency(lanes)
        .ordering(ordering)
        .start({
            let first = Arc::clone(&first);
            move |msg: ConsumerContext| {
                let begun = count.fetch_add(1, Atomic::Relaxed);
                if begun == 0 {
                    first.get_or_init(Instant::now);
                }
                work(&msg);
                if begun + 1 == messages {
                    done.send(Instant::now()).expect("someone waits");
                }
                msg.commit()
            }
        });
    let end = all_done
        .recv_timeout(Duration::from_secs(300))
        .expect("all messages");
    let report = handle.stop();
    assert!(report.is_clean(), "{report:?}");
    Outcome {
        time: end - *first.get().expect("a message"),
        commits: kafka.commits_of(&group).len(),
    }
}
