//! A worker in a process of its own, to be killed or paused.

use crate::pipeline::copy;
use integration_tests::Kafka;
use rws_kafka_consumer::{ConsumerConfig, ConsumerHandle, KafkaConsumer};
use rws_kafka_observe::Observer;
use rws_kafka_producer::ProducerConfig;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
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

/// A worker process; killed when it is dropped.
pub(crate) struct Worker(Child);

impl Worker {
    /// Its log is added to `log`.
    pub(crate) fn start(order: &Order, log: &Path) -> Self {
        let log = File::options().append(true).create(true).open(log);
        let child = Command::new(std::env::current_exe().expect("this binary"))
            .args([
                "--exact",
                "process::a_worker_in_a_process_of_its_own",
                "--ignored",
                "--nocapture",
            ])
            .env(VARIABLE, order.write())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log.expect("a log"))
            .spawn()
            .expect("the test binary starts");
        Self(child)
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("its status").is_some()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        let status = Command::new("kill").args([name, &id]).status();
        assert!(status.expect("kill").success(), "{name}");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "run by other tests, as a process that they kill"]
fn a_worker_in_a_process_of_its_own() {
    let Ok(text) = std::env::var(VARIABLE) else {
        return;
    };
    // A test that is killed must not leave it running: its input ends with the test.
    thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(2);
    });
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
        .with_writer(std::io::stderr)
        .init();
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
