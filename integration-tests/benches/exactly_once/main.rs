//! A pipeline in transactions beside the same one at least once: each message of 100 B is read, and
//! written to the same partition of another topic.
//!
//! `cargo bench -p integration-tests --bench exactly_once [-- MESSAGES]`. Rounds of both alternate,
//! and what counts is the ratio of their medians: the absolute figures of a shared machine swing.

#[path = "../common/report.rs"]
mod report;

use integration_tests::{Kafka, unique, unique_topic};
use report::{ROUNDS, Rates};
use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, ConsumerHandle, KafkaConsumer};
use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerConfig, Record};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

const PARTITIONS: i32 = 6;
const BYTES: usize = 100;
const MESSAGES: usize = 2_000_000;
const SOON: Duration = Duration::from_secs(120);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let messages = arguments.find_map(|argument| argument.parse().ok());
    let messages = messages.unwrap_or(MESSAGES);
    let kafka = Kafka::shared_for_load();
    let source = unique_topic("source");
    kafka.create_topic(&source, PARTITIONS);
    fill(kafka, &source, messages);
    let (mut exactly, mut at_least) = (Rates::default(), Rates::default());
    for round in 0..ROUNDS {
        for turn in 0..2 {
            let sink = unique_topic("sink");
            kafka.create_topic(&sink, PARTITIONS);
            let run = Run::new(kafka, &source, &sink, messages);
            if (round + turn) % 2 == 0 {
                exactly.add(messages, run.exactly_once());
            } else {
                at_least.add(messages, run.at_least_once());
            }
            kafka.delete_topic(&sink);
        }
    }
    println!("\n{messages} × {BYTES} B from topic to topic, {PARTITIONS} partitions, one lane");
    at_least.print("at least once", None);
    exactly.print("exactly once", Some(&at_least));
}

fn fill(kafka: &Kafka, topic: &str, messages: usize) {
    let config = ProducerConfig::new(kafka.bootstrap()).expect("settings");
    let producer = KafkaProducer::new(config.observer(Observer::new())).expect("a producer");
    let payload = [b'x'; BYTES];
    for number in 0..messages {
        let partition = (number % PARTITIONS as usize) as i32;
        let record = Record::to(topic).partition(partition).payload(&payload);
        producer.send_record(record).expect("room in the queue");
    }
    let report = producer.close(SOON);
    assert!(report.is_complete(), "{report:?}");
}

/// One pipeline, from the first message that its handler is given to the last result that the
/// broker has.
struct Run<'a> {
    consumer: KafkaConsumer,
    producer: ProducerConfig,
    sink: &'a str,
    messages: usize,
    handled: AtomicUsize,
    first: Sender<Instant>,
    began: Receiver<Instant>,
}

impl<'a> Run<'a> {
    fn new(kafka: &Kafka, source: &str, sink: &'a str, messages: usize) -> Self {
        let config = ConsumerConfig::new(kafka.bootstrap(), unique("bench"))
            .expect("settings")
            .observer(Observer::new());
        let consumer = KafkaConsumer::new(config)
            .and_then(|consumer| consumer.subscribe([source]))
            .expect("a consumer");
        let producer = ProducerConfig::new(kafka.bootstrap()).expect("settings");
        let (first, began) = channel();
        Self {
            consumer,
            producer: producer.observer(Observer::new()),
            sink,
            messages,
            handled: AtomicUsize::new(0),
            first,
            began,
        }
    }

    fn exactly_once(self) -> Duration {
        let (sink, first) = (self.sink.to_owned(), self.first);
        let handled = self.handled;
        let handle = self
            .consumer
            .exactly_once(unique("bench"))
            .producer(self.producer)
            .start(move |msg, out| {
                if handled.fetch_add(1, Ordering::Relaxed) == 0 {
                    let _ = first.send(Instant::now());
                }
                let record = Record::to(&sink).partition(msg.partition());
                out.send_record(record.payload(msg.payload().unwrap_or_default()))?;
                Ok(())
            });
        measure(&handle, self.messages, &self.began, || {})
    }

    fn at_least_once(self) -> Duration {
        let (sink, first) = (self.sink.to_owned(), self.first);
        let handled = self.handled;
        let producer = Arc::new(KafkaProducer::new(self.producer).expect("a producer"));
        let sender = Arc::clone(&producer);
        let handle = self.consumer.start(move |msg: ConsumerContext| {
            if handled.fetch_add(1, Ordering::Relaxed) == 0 {
                let _ = first.send(Instant::now());
            }
            let record = Record::to(&sink).partition(msg.partition());
            sender.send_record(record.payload(msg.payload().unwrap_or_default()))?;
            msg.commit()
        });
        measure(&handle, self.messages, &self.began, || {
            let report = producer.flush(SOON);
            assert!(report.is_complete(), "{report:?}");
        })
    }
}

/// Measures until all offsets are committed, and all results with them or after `flush`.
fn measure(
    handle: &ConsumerHandle,
    messages: usize,
    began: &Receiver<Instant>,
    flush: impl FnOnce(),
) -> Duration {
    let began = began.recv_timeout(SOON).expect("a message");
    let each = messages as i64 / i64::from(PARTITIONS);
    let is_done = || {
        let status = handle.status();
        let committed = status
            .assignment
            .iter()
            .map(|partition| partition.committed);
        committed.flatten().sum::<i64>() >= each * i64::from(PARTITIONS)
    };
    while !is_done() {
        assert!(began.elapsed() < SOON, "{:#?}", handle.status());
        std::thread::sleep(Duration::from_millis(1));
    }
    flush();
    let time = began.elapsed();
    let report = handle.stop();
    assert!(report.is_clean(), "{report:?}");
    time
}
