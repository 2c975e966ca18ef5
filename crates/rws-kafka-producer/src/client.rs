//! The traits between a producer and the client that takes its messages: librdkafka's, or a test's.

use crate::deliveries::Deliveries;
use crate::error::ProducerError;
use crate::record::Record;
use crate::token::Token;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::ConsumerGroupMetadata;
use rws_kafka_config::Properties;
use rws_kafka_observe::trace::TraceContext;
use std::sync::Arc;
use std::time::Duration;

/// Creates the clients of a producer.
pub(crate) trait Connect: Send + Sync {
    /// Creates a client. Does not ask a broker.
    fn connect(&self, wanted: &Wanted) -> Result<Arc<dyn Client>, ProducerError>;
}

/// The description of the client that a producer needs.
pub(crate) struct Wanted {
    pub(crate) properties: Properties,
    /// Where the client reports the outcome of each message.
    pub(crate) deliveries: Arc<Deliveries>,
    /// `true` if the producer replaces a failed client.
    pub(crate) heals: bool,
}

/// Takes messages, and reports the outcome of each.
pub(crate) trait Client: Send + Sync {
    /// Copies `record` into the queue, with the headers of `context`, and reports its delivery with `token`.
    /// The timestamp is `sent_ms`, unless the record has one.
    fn enqueue(
        &self,
        record: &Record<'_>,
        context: Option<&TraceContext>,
        token: Token,
        sent_ms: i64,
    ) -> Result<(), NotTaken>;

    /// Serves reports and log lines for `time`.
    fn poll(&self, time: Duration);

    /// Returns `true` if reports come only through [`poll`](Self::poll), which the producer's thread calls.
    /// Otherwise they come on other threads, and a caller must not wait for them.
    fn is_polled(&self) -> bool;

    /// Returns `true` if this thread is in a report that did not come through [`poll`](Self::poll).
    fn is_reporting(&self) -> bool;

    /// Called before a thread blocks until the message of `token` has its outcome.
    fn before_wait(&self, token: Token);

    /// Discards all messages in flight; each is reported as undelivered.
    fn purge(&self);

    /// Ignores all further reports.
    fn disown(&self);

    /// Asks a broker for the metadata of `topic`, or of all topics. Returns `true` if it answered.
    fn ping(&self, topic: Option<&str>, time: Duration) -> bool;

    /// Returns `true` if the producer replaces the client after a failure.
    fn heals(&self) -> bool;

    /// Returns why this client cannot send any more, if it has failed.
    fn failure(&self) -> Option<String>;

    /// Returns the failure as an error.
    fn fatal(&self) -> Option<ProducerError> {
        let detail = self.failure()?;
        Some(match self.heals() {
            true => ProducerError::ClientReplaced { detail },
            false => ProducerError::Fatal { detail },
        })
    }

    /// Gets the producer's id and epoch, after aborting what an earlier producer left open.
    fn init_transactions(&self, time: Duration) -> Result<(), StepFailure>;

    /// Begins a transaction. Needs no network.
    fn begin_transaction(&self) -> Result<(), StepFailure>;

    /// Adds the offsets of a consumer to the transaction.
    fn send_offsets(&self, offsets: &Offsets<'_>, time: Duration) -> Result<(), StepFailure>;

    /// Commits the transaction. Must be called with nothing in flight: otherwise rdkafka would serve
    /// deliveries on this thread.
    fn commit_transaction(&self, time: Duration) -> Result<(), StepFailure>;

    /// Aborts the transaction and discards its messages.
    fn abort_transaction(&self, time: Duration) -> Result<(), StepFailure>;
}

/// Why the queue did not take a message.
pub(crate) enum NotTaken {
    /// The queue is full for now.
    Full,
    /// The message is refused.
    Refused(ProducerError),
}

/// How a step of a transaction failed, in librdkafka's classes.
#[derive(Debug)]
pub(crate) enum StepFailure {
    /// The same step may be tried again.
    Retriable(String),
    /// The transaction can only be aborted.
    MustAbort(String),
    /// As `MustAbort`, because no answer came in time: the request may still arrive.
    Unanswered(String),
    /// Another producer has the transactional id, or the coordinator has ended the transaction.
    Fenced(String),
    /// This client cannot do anything more.
    Fatal(String),
    /// The step was refused, without any effect.
    Refused(String),
}

/// The offsets of a consumer that belong to a transaction.
pub(crate) struct Offsets<'a> {
    pub(crate) list: &'a TopicPartitionList,
    pub(crate) group: &'a ConsumerGroupMetadata,
}
