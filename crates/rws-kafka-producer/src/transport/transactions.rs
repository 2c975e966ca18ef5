use super::Client;
use super::client::Base;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use rws_kafka_client::described;
use rws_kafka_observe::text::printable;
use std::time::Duration;

/// How a step of a transaction failed, as librdkafka tells it apart.
#[derive(Debug)]
pub(crate) enum StepFailure {
    /// The same step may be tried again.
    Retriable(String),
    /// The transaction can only be aborted.
    MustAbort(String),
    /// The same, as no answer came in time: the request may yet arrive.
    Unanswered(String),
    /// Another producer has the transactional id, or the coordinator has ended the transaction.
    Fenced(String),
    /// This client will do nothing more.
    Fatal(String),
    /// The step was refused, and nothing has changed.
    Refused(String),
}

/// The offsets of a consumer that belong to a transaction.
pub(crate) struct Offsets<'a> {
    pub(crate) list: &'a TopicPartitionList,
    pub(crate) group: &'a ConsumerGroupMetadata,
}

/// Takes a step with librdkafka, or with the test in its place.
macro_rules! step {
    ($client:expr, |$kafka:ident| $take:expr, $test:ident) => {
        match &$client.base {
            Base::Kafka($kafka) => told($kafka, $take),
            #[cfg(feature = "testing")]
            Base::Test(test) => test.$test(),
        }
    };
}

impl Client {
    /// Gets the producer's id and epoch, after ending what an earlier producer left open.
    pub(crate) fn init_transactions(&self, time: Duration) -> Result<(), StepFailure> {
        step!(
            self,
            |kafka| kafka.init_transactions(bounded(time)),
            init_transactions
        )
    }

    /// Needs no network.
    pub(crate) fn begin_transaction(&self) -> Result<(), StepFailure> {
        step!(self, |kafka| kafka.begin_transaction(), begin_transaction)
    }

    pub(crate) fn send_offsets(
        &self,
        offsets: &TopicPartitionList,
        group: &ConsumerGroupMetadata,
        time: Duration,
    ) -> Result<(), StepFailure> {
        let time = bounded(time);
        step!(
            self,
            |kafka| kafka.send_offsets_to_transaction(offsets, group, time),
            send_offsets
        )
    }

    /// To be called with nothing in flight: rdkafka would serve deliveries on this thread.
    pub(crate) fn commit_transaction(&self, time: Duration) -> Result<(), StepFailure> {
        step!(
            self,
            |kafka| kafka.commit_transaction(bounded(time)),
            commit_transaction
        )
    }

    pub(crate) fn abort_transaction(&self, time: Duration) -> Result<(), StepFailure> {
        step!(
            self,
            |kafka| kafka.abort_transaction(bounded(time)),
            abort_transaction
        )
    }
}

fn told<C: ProducerContext>(
    kafka: &BaseProducer<C>,
    result: KafkaResult<()>,
) -> Result<(), StepFailure> {
    let Err(error) = result else { return Ok(()) };
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
        // The first fatal error counts, and tells more than "fatal".
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

/// librdkafka counts in milliseconds of 32 bits, and takes a negative time for no bound.
fn bounded(time: Duration) -> Duration {
    time.min(Duration::from_millis(i32::MAX as u64))
}
