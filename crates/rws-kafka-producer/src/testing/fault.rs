use rdkafka::error::RDKafkaErrorCode;

/// How a message fails in a test. It fails with the same error as with a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendFault {
    /// The queue stays full, so that the message is not accepted
    /// ([`QueueFull`](crate::ProducerError::QueueFull)). The call fails at once, without waiting for
    /// [`max_block`](crate::ProducerConfig::max_block).
    QueueFull,
    /// The message is accepted but not acknowledged within the delivery timeout
    /// ([`TimedOut`](crate::ProducerError::TimedOut)). It fails at once, without waiting for the timeout.
    TimedOut,
    /// The topic does not exist ([`UnknownTopic`](crate::ProducerError::UnknownTopic)).
    UnknownTopic,
    /// The user is not allowed to write to the topic
    /// ([`NotAuthorized`](crate::ProducerError::NotAuthorized)).
    NotAuthorized,
    /// The message is larger than the topic allows
    /// ([`MessageTooLarge`](crate::ProducerError::MessageTooLarge)).
    MessageTooLarge,
    /// The client fails with this message ([`ClientFailed`](crate::ProducerError::ClientFailed)), and the
    /// producer recovers at once. In a transaction, which does not survive its client, the message and all
    /// later ones of the transaction fail ([`Fatal`](crate::ProducerError::Fatal)).
    Fatal,
}

impl SendFault {
    /// Returns the error code that librdkafka reports for an accepted message; `None` if it accepts none.
    pub(super) fn code(self) -> Option<RDKafkaErrorCode> {
        match self {
            Self::QueueFull => None,
            Self::TimedOut => Some(RDKafkaErrorCode::MessageTimedOut),
            Self::UnknownTopic => Some(RDKafkaErrorCode::UnknownTopicOrPartition),
            Self::NotAuthorized => Some(RDKafkaErrorCode::TopicAuthorizationFailed),
            Self::MessageTooLarge => Some(RDKafkaErrorCode::MessageSizeTooLarge),
            Self::Fatal => Some(RDKafkaErrorCode::Fatal),
        }
    }
}
