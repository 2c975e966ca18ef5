//! A worker in a process of its own, to be killed or paused.

use crate::pipeline::copy;
use integration_tests::{ChildTest, Kafka};
use rws_kafka_consumer::{ConsumerConfig, ConsumerHandle, KafkaConsumer};
use rws_kafka_observe::Observer;
use rws_kafka_producer::ProducerConfig;
use std::path::Path;
use std::thread;
use std::time::Duration;

const VARIABLE: &str = "RWS_KAFKA_EXACTLY_ONCE_WORKER";

/// After this time of silence a member is taken for dead.
pub(crate) const SESSION: Duration = Duration::from_millis(1000);
/// After this time the broker aborts a transaction.
const TRANSACTION: Duration = Duration::from_secs(3);

/// A broker that takes a member for dead, and ends a transaction, as soon as the workers of these
/// tests need.
pub(crate) fn broker() -> Kafka {
    Kafka::start_with(&[
        ("group.min.session.timeout.ms", "1000"),
        (
            "transaction.abort.timed.out.transaction.cleanup.interval.ms",
            "500",
        ),
    ])
}

/// What a worker is told.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) brokers: String,
    pub(crate) group: String,
    pub(crate) source: String,
    pub(crate) sink: String,
    pub(crate) id: String,
    /// How long a message takes.
    pub(crate) work: Duration,
}

impl Order {
    /// Starts the worker in this process.
    pub(crate) fn start(&self) -> ConsumerHandle {
        let config = ConsumerConfig::new(&self.brokers, &self.group)
            .expect("valid settings")
            .observer(Observer::new())
            .property("session.timeout.ms", SESSION.as_millis().to_string())
            .property("heartbeat.interval.ms", "200");
        let producer = ProducerConfig::new(&self.brokers).expect("valid settings");
        let (copy, work) = (copy(&self.sink), self.work);
        KafkaConsumer::new(config)
            .and_then(|consumer| consumer.subscribe([&self.source]))
            .expect("a valid consumer")
            .concurrency(3)
            .exactly_once(&self.id)
            .producer(
                producer
                    .observer(Observer::new())
                    .transaction_timeout(TRANSACTION),
            )
            .start(move |msg, out| {
                thread::sleep(work);
                copy(msg, out)
            })
    }

    fn write(&self) -> String {
        let work = self.work.as_micros().to_string();
        let Self {
            brokers,
            group,
            source,
            sink,
            id,
            ..
        } = self;
        [brokers, group, source, sink, id, &work]
            .map(String::as_str)
            .join("\n")
    }

    fn read(text: &str) -> Self {
        let fields: Vec<&str> = text.split('\n').collect();
        let [brokers, group, source, sink, id, work] = fields[..] else {
            panic!("{VARIABLE} is {text:?}");
        };
        let [brokers, group, source, sink, id] =
            [brokers, group, source, sink, id].map(str::to_owned);
        Self {
            brokers,
            group,
            source,
            sink,
            id,
            work: Duration::from_micros(work.parse().expect("a number")),
        }
    }
}

/// A worker process; its log is added to `log`.
pub(crate) fn start_worker(order: &Order, log: &Path) -> ChildTest {
    let test = "process::a_worker_in_a_process_of_its_own";
    ChildTest::start(test, VARIABLE, &order.write(), log)
}

#[test]
#[ignore = "run by other tests, as a process that they kill"]
fn a_worker_in_a_process_of_its_own() {
    let Some(text) = ChildTest::order(VARIABLE) else {
        return;
    };
    let report = Order::read(&text).start().join();
    panic!("it ended by itself: {report:?}");
}

#[test]
fn a_worker_reads_the_order_that_was_written() {
    let order = Order {
        brokers: "localhost:1,localhost:2".to_owned(),
        group: "a group".to_owned(),
        source: "a".to_owned(),
        sink: "b".to_owned(),
        id: "id".to_owned(),
        work: Duration::from_micros(1500),
    };
    let read = Order::read(&order.write());
    assert_eq!(format!("{read:?}"), format!("{order:?}"));
}
