//! The causes of an unreachable broker.

#[doc(inline)]
pub use rws_kafka_client::ConnectionCause;
