//! Refusals that an operator can resolve.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rws_kafka_producer::ProducerError;

/// librdkafka's text for `TRANSACTIONAL_ID_AUTHORIZATION_FAILED`: the step that fails returns no code.
const TRANSACTIONAL_ID_REFUSED: &str = "Transactional Id authorization failed";

/// The cause for which a broker refused a consumer's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A permission on a topic is missing. librdkafka does not name the topic.
    Topic,
    /// A permission on the group is missing.
    Group,
    /// A topic does not exist. librdkafka does not name it.
    NoSuchTopic,
}

impl Refusal {
    pub(crate) fn of(error: &KafkaError) -> Option<Self> {
        match error.rdkafka_error_code()? {
            RDKafkaErrorCode::TopicAuthorizationFailed => Some(Self::Topic),
            RDKafkaErrorCode::GroupAuthorizationFailed => Some(Self::Group),
            RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => {
                Some(Self::NoSuchTopic)
            }
            _ => None,
        }
    }

    /// Returns `true` if a permission is missing.
    pub(crate) fn is_of_permission(self) -> bool {
        matches!(self, Self::Topic | Self::Group)
    }
}

/// The user may not use the transactional id.
pub(crate) struct TransactionalIdRefused {
    pub(crate) id: String,
}

impl TransactionalIdRefused {
    pub(crate) fn of(error: &ProducerError) -> Option<Self> {
        let ProducerError::TransactionAborted { id, detail, .. } = error else {
            return None;
        };
        detail
            .contains(TRANSACTIONAL_ID_REFUSED)
            .then(|| Self { id: id.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rws_kafka_producer::TransactionStep;

    #[test]
    fn a_refused_transactional_id_is_told_from_other_failures() {
        let aborted = |detail: &str| ProducerError::TransactionAborted {
            id: "orders-0".to_owned(),
            step: TransactionStep::Initialise,
            detail: detail.to_owned(),
            source: None,
        };
        let refused = "Failed to acquire transactional PID from broker localhost:9092/1: Broker: \
                       Transactional Id authorization failed";
        let refused = TransactionalIdRefused::of(&aborted(refused));
        assert_eq!(
            refused.map(|refused| refused.id).as_deref(),
            Some("orders-0")
        );
        let other = aborted("Broker: Invalid transaction timeout");
        assert!(TransactionalIdRefused::of(&other).is_none());
    }
}
