use crate::client::StepFailure;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use rws_kafka_client::described;
use rws_kafka_observe::text::printable;

/// Takes a step of a transaction and classifies its failure.
pub(super) fn step<C: ProducerContext>(
    kafka: &BaseProducer<C>,
    take: impl FnOnce(&BaseProducer<C>) -> KafkaResult<()>,
) -> Result<(), StepFailure> {
    let Err(error) = take(kafka) else {
        return Ok(());
    };
    let KafkaError::Transaction(cause) = &error else {
        return Err(match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::OperationTimedOut) => StepFailure::Retriable(described(&error)),
            _ => StepFailure::Refused(described(&error)),
        });
    };
    let (code, detail) = (cause.code(), printable(&cause.string()).into_owned());
    Err(if is_fenced(code) {
        StepFailure::Fenced(detail)
    } else if cause.is_fatal() {
        // The first fatal error is the cause; its message says more than "fatal".
        match kafka.client().fatal_error() {
            Some((code, detail)) if is_fenced(code) => {
                StepFailure::Fenced(printable(&detail).into_owned())
            }
            Some((_, detail)) => StepFailure::Fatal(printable(&detail).into_owned()),
            None => StepFailure::Fatal(detail),
        }
    } else if cause.txn_requires_abort() {
        match code {
            RDKafkaErrorCode::OperationTimedOut | RDKafkaErrorCode::RequestTimedOut => {
                StepFailure::Unanswered(detail)
            }
            _ => StepFailure::MustAbort(detail),
        }
    } else if cause.is_retriable() {
        StepFailure::Retriable(detail)
    } else {
        StepFailure::Refused(detail)
    })
}

fn is_fenced(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::Fenced
            | RDKafkaErrorCode::ProducerFenced
            | RDKafkaErrorCode::InvalidProducerEpoch
    )
}
