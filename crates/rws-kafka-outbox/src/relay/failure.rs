//! How the relay handles each error.

use super::options::OnRefusal;
use crate::error::OutboxError;
use rws_kafka_producer::ProducerError;
use std::time::Duration;

/// How an event that Kafka has not acknowledged is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The event or its topic is at fault: it is sent again after this time, and its strand waits.
    RetryAfter(Duration),
    /// The event is at fault, and is moved to the table `parked`.
    Park,
    /// The brokers do not answer, or the producer is replacing its failed client. No event is at fault, and
    /// all are sent again.
    SendAgain,
    /// The producer is closed or fenced and cannot send again.
    EndRelay,
}

/// Returns the remedy for a failed event whose `attempts`th refusal this is, counted from 1.
pub(super) fn remedy(
    error: &ProducerError,
    attempts: u32,
    policy: OnRefusal,
    max_attempts: u32,
) -> Remedy {
    match error {
        ProducerError::Closed | ProducerError::Fenced { .. } => return Remedy::EndRelay,
        ProducerError::Fatal { .. } => return Remedy::SendAgain,
        error if error.is_retriable() => return Remedy::SendAgain,
        _ => {}
    }
    let hopeless = matches!(error, ProducerError::MessageTooLarge { .. });
    match policy {
        OnRefusal::Park if hopeless || attempts >= max_attempts => Remedy::Park,
        _ => Remedy::RetryAfter(
            Duration::from_secs(1 << attempts.saturating_sub(1).min(6))
                .min(Duration::from_secs(60)),
        ),
    }
}

/// Returns `true` for a permanent error, which ends the relay.
pub(super) fn ends_relay(error: &OutboxError) -> bool {
    matches!(
        error,
        OutboxError::Producer(_) | OutboxError::NewerTables { .. }
    )
}

/// Returns `true` if the database does not allow events to be deleted, so that none may be sent.
pub(super) fn forbids_deletes(error: &OutboxError) -> bool {
    matches!(
        error,
        OutboxError::ReadOnly { .. }
            | OutboxError::MissingPrivileges { .. }
            | OutboxError::Denied { .. }
            | OutboxError::NotDeleted { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown() -> ProducerError {
        ProducerError::UnknownTopic { topic: "t".into() }
    }

    #[test]
    fn a_broker_that_does_not_answer_is_no_events_fault() {
        for (policy, max_attempts) in [(OnRefusal::BlockKey, 3), (OnRefusal::Park, 1)] {
            let remedy = |error: &ProducerError| remedy(error, 1, policy, max_attempts);
            let within = Duration::ZERO;
            let silent = ProducerError::Unreachable {
                within,
                cause: None,
            };
            assert_eq!(remedy(&silent), Remedy::SendAgain);
            let failed = ProducerError::Fatal {
                detail: "out of sequence".into(),
            };
            assert_eq!(remedy(&failed), Remedy::SendAgain, "the events are safe");
            assert_eq!(remedy(&ProducerError::Closed), Remedy::EndRelay);
            let at_fault = matches!(remedy(&unknown()), Remedy::RetryAfter(_) | Remedy::Park);
            assert!(at_fault);
        }
    }

    #[test]
    fn a_blocked_key_is_tried_for_ever_and_a_parked_event_is_not() {
        let blocking = |attempts| remedy(&unknown(), attempts, OnRefusal::BlockKey, 3);
        for (attempts, after) in [(1, 1), (2, 2), (6, 32), (7, 60), (1000, 60)] {
            assert_eq!(
                blocking(attempts),
                Remedy::RetryAfter(Duration::from_secs(after))
            );
        }
        assert_ne!(remedy(&unknown(), 2, OnRefusal::Park, 3), Remedy::Park);
        assert_eq!(remedy(&unknown(), 3, OnRefusal::Park, 3), Remedy::Park);
        let large = ProducerError::MessageTooLarge {
            topic: "t".into(),
            size: 2,
            limit: "1".into(),
        };
        assert_eq!(remedy(&large, 1, OnRefusal::Park, 3), Remedy::Park);
    }
}
