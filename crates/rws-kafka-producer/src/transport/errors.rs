use crate::connection::Connection;
use crate::error::ProducerError;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::time::Duration;

/// What is known of a message that failed.
pub(crate) struct Failed<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) size: usize,
    pub(crate) delivery_timeout: Duration,
    pub(crate) connection: &'a Connection,
}

impl Failed<'_> {
    /// The error of this message in our terms.
    pub(crate) fn because_of(&self, error: &KafkaError) -> ProducerError {
        let topic = self.topic.to_owned();
        let Some(code) = error.rdkafka_error_code() else {
            return ProducerError::Refused {
                topic,
                detail: error.to_string(),
            };
        };
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
                limit: "the broker's or the topic's max.message.bytes is smaller than it, or than \
                        the batch it was in (see batch.size)"
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
                detail: error.to_string(),
            },
            _ => ProducerError::Refused {
                topic,
                detail: format!("{code} ({code:?})"),
            },
        }
    }
}
