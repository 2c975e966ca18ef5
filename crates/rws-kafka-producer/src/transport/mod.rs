//! The plumbing to rdkafka. Shared with `rws-kafka-consumer`; no part of the public API.

mod client;
mod errors;
mod logs;
mod statistics;
pub(crate) mod tls_probe;
mod transactions;

#[cfg(feature = "testing")]
pub(crate) use client::size;
pub(crate) use client::{Client, Enqueue, Report, check_size, max_message_bytes};
pub(crate) use errors::Failed;
pub use logs::Logs;
pub(crate) use logs::masked;
pub use statistics::brokers;
pub use transactions::commit_with_offsets;
pub(crate) use transactions::{Offsets, StepFailure};

pub use crate::record_buffer::RecordBuffer;
#[cfg(feature = "json")]
pub use crate::typed::encode as encode_json;
#[cfg(feature = "registry")]
pub use crate::typed_record::TypedSender;

use crate::connection::{Connection, ConnectionError};
use crate::error::ProducerError;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rws_kafka_config::Properties;

/// Turns properties into rdkafka's configuration.
pub fn client_config(properties: &Properties) -> ClientConfig {
    let mut config = ClientConfig::new();
    for (name, value) in properties.iter() {
        config.set(name, value);
    }
    // Without it, librdkafka keeps what `debug` asks for to itself.
    config.set_log_level(match properties.get("debug") {
        Some(_) => RDKafkaLogLevel::Debug,
        None => RDKafkaLogLevel::Info,
    });
    config
}

/// Why rdkafka made no client.
///
/// Its own error prints the value of the property, which may be a secret: this does not.
pub fn creation_failed(error: KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, detail, name, value) => {
            let detail = if value.is_empty() {
                detail
            } else {
                detail.replace(&value, "***")
            };
            format!("{name}: {detail}")
        }
        KafkaError::ClientCreation(detail) => detail,
        other => other.to_string(),
    }
}

/// Passes an error of a client's error callback on to its [`Connection`].
pub fn note_error(connection: &Connection, error: &KafkaError, reason: &str) {
    let kind = match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::Authentication) => ConnectionError::Authentication,
        Some(RDKafkaErrorCode::SSL) => ConnectionError::Ssl,
        Some(RDKafkaErrorCode::Resolve) => ConnectionError::Resolve,
        // A connection cut in the handshake, or by an alert after it: by a listener without TLS,
        // or one that misses a certificate of ours.
        Some(RDKafkaErrorCode::BrokerTransportFailure)
            if reason.contains("SSL_HANDSHAKE") || reason.contains("SSL routines") =>
        {
            ConnectionError::Ssl
        }
        Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::OperationTimedOut) => {
            ConnectionError::Transport
        }
        Some(RDKafkaErrorCode::AllBrokersDown) => ConnectionError::AllDown,
        _ => {
            return connection.log_other(error, reason);
        }
    };
    connection.failed(kind, reason);
}

impl From<KafkaError> for ProducerError {
    /// Of an error at creation.
    fn from(error: KafkaError) -> Self {
        Self::Property {
            detail: creation_failed(error),
        }
    }
}
