//! What a producer asks of the client that takes its messages: librdkafka's, or a test's.

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

/// Makes the clients of a producer.
pub(crate) trait Connect: Send + Sync {
    /// Makes a client. Asks no broker yet.
    fn connect(&self, wanted: &Wanted) -> Result<Arc<dyn Client>, ProducerError>;
}

/// The client that a producer wants.
pub(crate) struct Wanted {
    pub(crate) properties: Properties,
    /// Where the client reports the outcome of each message.
    pub(crate) deliveries: Arc<Deliveries>,
    /// Whether the producer replaces the client when it has failed.
    pub(crate) heals: bool,
}

/// Takes messages, and reports what came of each.
pub(crate) trait Client: Send + Sync {
    /// Copies `record` into the queue, with the headers of `context`; its delivery is reported with
    /// `token`. Its timestamp is `sent_ms`, unless it brings its own.
    fn enqueue(
        &self,
        record: &Record<'_>,
        context: Option<&TraceContext>,
        token: Token,
        sent_ms: i64,
    ) -> Result<(), NotTaken>;

    /// Serves reports and log lines for `time`.
    fn poll(&self, time: Duration);

    /// Returns `true` if reports come by [`poll`](Self::poll) alone, which the producer's thread calls.
    /// Otherwise they come on other threads, and waiting does not bring them.
    fn is_polled(&self) -> bool;

    /// Returns `true` if this thread is in a report that came without [`poll`](Self::poll).
    fn is_reporting(&self) -> bool;

    /// Called before a thread blocks until the message of `token` has its outcome.
    fn before_wait(&self, token: Token);

    /// Gives up everything in flight; each message is reported as undelivered.
    fn purge(&self);

    /// Ignores what is reported from now on.
    fn disown(&self);

    /// Asks a broker for the metadata of `topic`, or of all topics; returns `true` if it answered.
    fn ping(&self, topic: Option<&str>, time: Duration) -> bool;

    /// Returns `true` if the producer replaces the client when it has failed.
    fn heals(&self) -> bool;

    /// Why this client will not send again, once that is so.
    fn failure(&self) -> Option<String>;

    /// The same as an error.
    fn fatal(&self) -> Option<ProducerError> {
        let detail = self.failure()?;
        Some(match self.heals() {
            true => ProducerError::ClientReplaced { detail },
            false => ProducerError::Fatal { detail },
        })
    }

    /// Gets the producer's id and epoch, after ending what an earlier producer left open.
    fn init_transactions(&self, time: Duration) -> Result<(), StepFailure>;

    /// Needs no network.
    fn begin_transaction(&self) -> Result<(), StepFailure>;

    /// Adds the offsets of a consumer to the transaction.
    fn send_offsets(&self, offsets: &Offsets<'_>, time: Duration) -> Result<(), StepFailure>;

    /// To be called with nothing in flight: rdkafka would serve deliveries on this thread.
    fn commit_transaction(&self, time: Duration) -> Result<(), StepFailure>;

    /// Gives up what is in the transaction.
    fn abort_transaction(&self, time: Duration) -> Result<(), StepFailure>;
}

/// Why the queue did not take a message.
pub(crate) enum NotTaken {
    /// There is no room, and there may be some later.
    Full,
    /// It will not take it.
    Refused(ProducerError),
}

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
