//! Producers for tests, which need no broker.
//!
//! [`KafkaProducer::for_test`](crate::KafkaProducer::for_test) gives one that is as any other: names and
//! sizes are checked, values encoded, deliveries reported to metrics, `on_delivery` and whoever waits.
//! Only librdkafka is left out: what is sent comes to [`Sent`], on the thread that sends.
//!
//! What is not simulated:
//!
//! - Keys choose no partition, and no topic has a number of them: a message is in partition 0 where its
//!   sender chose none.
//! - Nothing takes time: no queue fills up by itself, and no timeout is waited out.
//! - A property of librdkafka's is not checked, and has no effect, but for `message.max.bytes`.
//! - Transactions know no other producer: nobody is fenced.

mod book;
mod client;
mod fault;
mod held;
mod record;
mod sent;
#[cfg(test)]
mod tests;

pub use fault::SendFault;
pub use record::SentRecord;
pub use sent::Sent;

use rws_kafka_config::KafkaConfig;

/// Settings that name no broker and read no file, environment or flag: for a test. The consumer group
/// is `test`.
pub fn config() -> KafkaConfig {
    KafkaConfig::builder()
        // No name that ends so is ever resolved (RFC 6761).
        .brokers("kafka.invalid:9092")
        .consumer_group("test")
        .build()
        .expect("the settings of a test are right")
}
