use rdkafka::error::RDKafkaErrorCode;

/// How a message that a test lets fail does so. The error is the one that a broker leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendFault {
    /// The queue is full and stays it for the whole of
    /// [`max_block`](crate::ProducerConfig::max_block), which is not waited out: the message is not
    /// accepted ([`QueueFull`](crate::ProducerError::QueueFull)).
    QueueFull,
    /// It is accepted, and not acknowledged within the delivery timeout, which is not waited out
    /// ([`TimedOut`](crate::ProducerError::TimedOut)).
    TimedOut,
    /// The topic does not exist ([`UnknownTopic`](crate::ProducerError::UnknownTopic)).
    UnknownTopic,
    /// The user may not write to the topic ([`NotAuthorized`](crate::ProducerError::NotAuthorized)).
    NotAuthorized,
    /// It is larger than the topic takes
    /// ([`MessageTooLarge`](crate::ProducerError::MessageTooLarge)).
    MessageTooLarge,
    /// The client fails with this message ([`ClientFailed`](crate::ProducerError::ClientFailed)),
    /// and the producer replaces it at once. In a transaction, which does not outlive its client, the
    /// message and all later ones of the transaction fail
    /// ([`Fatal`](crate::ProducerError::Fatal)).
    Fatal,
}

impl SendFault {
    /// What librdkafka would say of a message that it took; `None` where it takes it not.
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
