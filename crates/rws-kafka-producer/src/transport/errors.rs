use crate::deliveries::Deliveries;
use crate::error::ProducerError;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rws_kafka_client::{Connection, described};
use rws_kafka_observe::text::printable;
use std::time::Duration;

/// The facts about a failed message.
pub(crate) struct Failed<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) size: usize,
    pub(crate) delivery_timeout: Duration,
    pub(crate) connection: &'a Connection,
    /// Why its client failed, if it has and the producer replaces it.
    pub(crate) client_failure: Option<&'a str>,
}

impl<'a> Failed<'a> {
    /// Describes a message that reports to `deliveries`.
    pub(crate) fn of(
        deliveries: &'a Deliveries,
        topic: &'a str,
        partition: i32,
        size: usize,
    ) -> Self {
        Self {
            topic,
            partition,
            size,
            delivery_timeout: deliveries.timeout(),
            connection: deliveries.connection(),
            client_failure: None,
        }
    }

    /// Converts librdkafka's error for this message.
    pub(crate) fn because_of(&self, error: &KafkaError) -> ProducerError {
        let topic = self.topic.to_owned();
        let Some(code) = error.rdkafka_error_code() else {
            return ProducerError::Refused {
                topic,
                detail: described(error),
            };
        };
        if let Some(detail) = self.client_failure
            && comes_with_failure(code)
        {
            let detail = detail.to_owned();
            return ProducerError::ClientFailed { topic, detail };
        }
        match code {
            RDKafkaErrorCode::MessageTimedOut | RDKafkaErrorCode::RequestTimedOut => {
                ProducerError::TimedOut {
                    topic,
                    after: self.delivery_timeout,
                    cause: self.connection.cause(),
                }
            }
            RDKafkaErrorCode::MessageSizeTooLarge => ProducerError::MessageTooLarge {
                topic,
                size: self.size,
                limit: "the broker's or the topic's max.message.bytes is smaller than the \
                        message, or than its batch (see batch.size)"
                    .to_owned(),
            },
            RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition => {
                ProducerError::UnknownTopic { topic }
            }
            RDKafkaErrorCode::UnknownPartition => ProducerError::UnknownPartition {
                topic,
                partition: self.partition,
            },
            RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::TransactionalIdAuthorizationFailed => {
                ProducerError::NotAuthorized { topic }
            }
            RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight => {
                ProducerError::Undelivered { topic }
            }
            RDKafkaErrorCode::Fatal => ProducerError::Fatal {
                detail: described(error),
            },
            _ => ProducerError::Refused {
                topic,
                detail: match hint(code) {
                    Some(hint) => format!("{code}: {hint}"),
                    None => code.to_string(),
                },
            },
        }
    }
}

/// Returns `true` if a message fails with this error because its client failed: it was purged from the queue,
/// or broke the sequence.
fn comes_with_failure(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::Fatal
            | RDKafkaErrorCode::Fenced
            | RDKafkaErrorCode::GaplessGuarantee
            | RDKafkaErrorCode::PurgeQueue
            | RDKafkaErrorCode::PurgeInflight
            | RDKafkaErrorCode::OutOfOrderSequenceNumber
            | RDKafkaErrorCode::DuplicateSequenceNumber
            | RDKafkaErrorCode::UnknownProducerId
            | RDKafkaErrorCode::InvalidProducerEpoch
    )
}

/// Returns why a client failed, from librdkafka's message.
pub(super) fn failure(words: &str) -> String {
    let words = printable(words);
    if words.contains("Cluster authorization failed") {
        format!(
            "the user may not get a producer id; it needs Write on a topic, or IdempotentWrite \
             on the cluster: {words}"
        )
    } else {
        words.into_owned()
    }
}

/// Returns the usual cause of an error whose own message does not say it.
fn hint(code: RDKafkaErrorCode) -> Option<&'static str> {
    Some(match code {
        RDKafkaErrorCode::InvalidTimestamp => {
            "the record's timestamp is further in the past or in the future than the topic's \
             message.timestamp.before.max.ms or message.timestamp.after.max.ms allow; a \
             timestamp is in milliseconds since 1970, not in microseconds"
        }
        RDKafkaErrorCode::InvalidRecord => {
            "a topic with cleanup.policy=compact accepts only records with a key"
        }
        _ => return None,
    })
}
