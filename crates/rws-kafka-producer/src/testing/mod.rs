//! Producers for tests, which need no broker.
//!
//! [`KafkaProducer::for_test`](crate::KafkaProducer::for_test) creates a producer that behaves like any
//! other: it checks names and sizes, encodes values, and reports deliveries to metrics, `on_delivery` and
//! waiting callers. Only librdkafka is missing: messages arrive in [`Sent`], on the thread that sends.
//!
//! Not simulated:
//!
//! - Keys do not select a partition, and topics have no number of partitions: a message is in partition 0
//!   unless its sender chose another.
//! - Nothing takes time: the queue never fills up by itself, and timeouts are not waited for.
//! - Properties of librdkafka are not checked and have no effect, except for `message.max.bytes`.
//! - Transactions do not know other producers, so none is fenced.

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

/// Returns settings for a test: they name no real broker, and read no file, environment variable or flag. The
/// consumer group is `test`.
pub fn config() -> KafkaConfig {
    KafkaConfig::builder()
        // A name with this ending never resolves (RFC 6761).
        .brokers("kafka.invalid:9092")
        .consumer_group("test")
        .build()
        .expect("the settings of a test are valid")
}
