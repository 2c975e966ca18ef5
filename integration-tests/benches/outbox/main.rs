//! Measures the cost of the outbox and its throughput, each with a control in the same run.
//!
//! `cargo bench -p integration-tests --bench outbox [-- PART …]` with the parts `drain`, `latency`,
//! `enqueue`, `idle` and `peers`; all without a name. Events of 1 KB, 10,000 keys, database and
//! broker on this machine, fsync on. `peers` needs Go, and Java with Maven: what is missing is
//! left out.

mod drain;
mod enqueue;
mod latency;
#[path = "../common/peer.rs"]
mod peer;
mod peers;

use integration_tests::{Kafka, Postgres, unique_topic};
use rws_kafka::outbox::{OutboxRelay, Pool, migrate};
use rws_kafka::{KafkaProducer, Observer, ProducerConfig};

/// A database and a topic of one run.
pub(crate) struct Stage {
    pub(crate) url: String,
    pub(crate) pool: Pool,
    pub(crate) topic: String,
}

impl Stage {
    pub(crate) const PARTITIONS: i32 = 4;

    pub(crate) fn new() -> Self {
        let url = Postgres::shared().create_database();
        let pool = Pool::from_url(&url, None).expect("a valid URL");
        migrate(&pool).expect("the tables");
        let topic = unique_topic("outbox");
        Kafka::shared_for_load().create_topic(&topic, Self::PARTITIONS);
        Self { url, pool, topic }
    }

    pub(crate) fn relay(&self) -> OutboxRelay {
        let config =
            ProducerConfig::new(Kafka::shared_for_load().bootstrap()).expect("valid settings");
        let producer = KafkaProducer::new(config.observer(Observer::new())).expect("a producer");
        OutboxRelay::new(producer, &self.pool).observer(Observer::new())
    }

    pub(crate) fn sql(&self, sql: &str) -> String {
        Postgres::shared().psql(&self.url, sql)
    }
}

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let runs = |part: &str| wanted.is_empty() || wanted.iter().any(|name| name == part);
    if runs("drain") {
        drain::compare();
    }
    if runs("latency") {
        latency::measure();
    }
    if runs("enqueue") {
        enqueue::compare();
    }
    if runs("idle") {
        latency::idle();
    }
    if runs("peers") {
        peers::compare();
    }
}
