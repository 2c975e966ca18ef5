//! What a refusal means.

use super::OnRefusal;
use rws_kafka_producer::ProducerError;
use std::time::Duration;

/// Whose fault it is that an event was not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The event's, or its topic's.
    Event,
    /// The brokers do not answer, or the producer has failed and is replaced by itself: no event's.
    Broker,
    /// This producer was closed or fenced, and will not send again.
    Producer,
}

pub(super) fn fault(error: &ProducerError) -> Fault {
    match error {
        ProducerError::Closed | ProducerError::Fenced { .. } => Fault::Producer,
        ProducerError::Fatal { .. } => Fault::Broker,
        error if error.is_retriable() => Fault::Broker,
        _ => Fault::Event,
    }
}

/// What is done with an event that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    RetryAfter(Duration),
    Park,
}

/// After the `attempts`th refusal, counted from 1.
pub(super) fn verdict(
    error: &ProducerError,
    attempts: u32,
    policy: OnRefusal,
    max_attempts: u32,
) -> Verdict {
    let hopeless = matches!(error, ProducerError::MessageTooLarge { .. });
    match policy {
        OnRefusal::Park if hopeless || attempts >= max_attempts => Verdict::Park,
        _ => Verdict::RetryAfter(
            Duration::from_secs(1 << attempts.saturating_sub(1).min(6))
                .min(Duration::from_secs(60)),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown() -> ProducerError {
        ProducerError::UnknownTopic { topic: "t".into() }
    }

    #[test]
    fn a_broker_that_does_not_answer_is_no_events_fault() {
        let within = Duration::ZERO;
        let silent = ProducerError::Unreachable {
            within,
            cause: None,
        };
        assert_eq!(fault(&silent), Fault::Broker);
        let failed = ProducerError::Fatal {
            detail: "out of sequence".into(),
        };
        assert_eq!(fault(&failed), Fault::Broker, "the events are safe");
        assert_eq!(fault(&ProducerError::Closed), Fault::Producer);
        assert_eq!(fault(&unknown()), Fault::Event);
    }

    #[test]
    fn a_blocked_key_is_tried_for_ever_and_a_parked_event_is_not() {
        let seconds = |attempts| verdict(&unknown(), attempts, OnRefusal::BlockKey, 3);
        for (attempts, after) in [(1, 1), (2, 2), (6, 32), (7, 60), (1000, 60)] {
            assert_eq!(
                seconds(attempts),
                Verdict::RetryAfter(Duration::from_secs(after))
            );
        }
        assert_ne!(verdict(&unknown(), 2, OnRefusal::Park, 3), Verdict::Park);
        assert_eq!(verdict(&unknown(), 3, OnRefusal::Park, 3), Verdict::Park);
        let large = ProducerError::MessageTooLarge {
            topic: "t".into(),
            size: 2,
            limit: "1".into(),
        };
        assert_eq!(verdict(&large, 1, OnRefusal::Park, 3), Verdict::Park);
    }
}
