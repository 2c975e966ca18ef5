//! A worker that copies a topic to another one in transactions.

use std::{thread, time::Duration};

use rws_kafka::{
    ConsumerConfig, ConsumerContext, ConsumerHandle, HandlerResult, KafkaConsumer, Observer,
    Outputs, ProducerConfig, Record,
};
use serde::{Deserialize, Serialize};

use super::Place;

/// A member that is silent for this time is considered dead.
pub const SESSION: Duration = Duration::from_millis(1000);
/// After this time the broker aborts a transaction.
const TRANSACTION: Duration = Duration::from_secs(3);

/// A worker whose outputs and offsets are committed together.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Copier {
    /// The brokers, group and topic of the worker.
    pub place: Place,
    /// The topic that it writes to.
    pub sink: String,
    /// Its transactional id.
    pub id: String,
    /// How long a message takes.
    pub work: Duration,
}

impl Copier {
    /// Starts the worker in this process.
    ///
    /// # Panics
    ///
    /// Panics if its settings are invalid.
    pub fn start(&self) -> ConsumerHandle {
        let config = ConsumerConfig::new(&self.place.brokers, &self.place.group)
            .expect("valid settings")
            .observer(Observer::new())
            .property("session.timeout.ms", SESSION.as_millis().to_string())
            .property("heartbeat.interval.ms", "200");
        let producer = ProducerConfig::new(&self.place.brokers).expect("valid settings");
        let (copy, work) = (copy(&self.sink), self.work);
        KafkaConsumer::new(config)
            .and_then(|consumer| consumer.subscribe([&self.place.topic]))
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
}

/// Returns a handler that sends each message to the same partition of another topic.
pub fn copy(sink: &str) -> impl Fn(ConsumerContext, &mut Outputs) -> HandlerResult + use<> {
    let sink = sink.to_owned();
    move |msg, out| {
        let record = Record::to(&sink).partition(msg.partition());
        out.send_record(record.payload(msg.payload_str()?))?;
        Ok(())
    }
}
