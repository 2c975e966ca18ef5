use crate::cause::ConnectionError;
use crate::connection::Connection;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rws_kafka_observe::text::printable;

/// Returns Kafka's error code and message, without repetition.
pub fn described(error: &KafkaError) -> String {
    match error.rdkafka_error_code() {
        // Shows the code, and librdkafka's message in parentheses.
        Some(code) => code.to_string(),
        None => printable(&error.to_string()).into_owned(),
    }
}

/// Passes an error of a client's error callback to its [`Connection`].
pub fn note_error(connection: &Connection, error: &KafkaError, reason: &str) {
    let kind = match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::Authentication) => ConnectionError::Authentication,
        Some(RDKafkaErrorCode::SSL) => ConnectionError::Ssl,
        Some(RDKafkaErrorCode::Resolve) => ConnectionError::Resolve,
        // The connection was closed in the handshake, or by an alert after it: the listener has no TLS, or it
        // requires a client certificate.
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
