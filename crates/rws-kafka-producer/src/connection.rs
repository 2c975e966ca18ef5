//! Why the brokers cannot be reached.

#[doc(inline)]
pub use rws_kafka_client::ConnectionCause;
