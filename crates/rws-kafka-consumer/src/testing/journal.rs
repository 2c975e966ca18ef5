use parking_lot::Mutex;
use rws_kafka_dispatch::TopicPartition;
use rws_kafka_producer::testing::SentRecord;
use std::fmt;
use std::time::Duration;

/// Something that has happened in a [`TestWorker`](super::TestWorker).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Partitions have come.
    Assigned(Vec<TopicPartition>),
    /// Partitions have gone, after a last commit.
    Revoked(Vec<TopicPartition>),
    /// Partitions have gone without one.
    Lost(Vec<TopicPartition>),
    /// A handler of batches has returned: what came of the messages follows, one event each.
    Batch {
        /// Their partition.
        partition: TopicPartition,
        /// How many there were.
        messages: usize,
    },
    /// A handler has returned.
    Handled {
        /// Where its message stands.
        partition: TopicPartition,
        /// Its offset.
        offset: i64,
        /// Which attempt it was, from 1.
        attempt: u32,
        /// The words of the error, where there was one, or of the panic.
        error: Option<String>,
    },
    /// The message last handled is handled again.
    RetryAt(Duration),
    /// A dead letter, or an output, was acknowledged; of an exactly-once worker, its transaction was
    /// committed.
    Sent(SentRecord),
    /// An offset was committed.
    Committed(TopicPartition, i64),
    /// A lost transaction's messages are read again, from the offsets committed before it.
    Rewound(Vec<TopicPartition>),
    /// The process was killed, and another one has begun.
    Restarted,
    /// The worker has ended, for this reason where nobody asked for it.
    Stopped(Option<String>),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Assigned(partitions) => write!(f, "assigned {partitions:?}"),
            Self::Revoked(partitions) => write!(f, "revoked {partitions:?}"),
            Self::Lost(partitions) => write!(f, "lost {partitions:?}"),
            Self::Batch {
                partition,
                messages,
            } => write!(f, "{partition}, a batch of {messages}:"),
            Self::Handled {
                partition,
                offset,
                attempt,
                error,
            } => {
                write!(f, "{partition} offset {offset}, attempt {attempt}: ")?;
                match error {
                    None => f.write_str("Ok"),
                    Some(error) => write!(f, "Err({error})"),
                }
            }
            Self::RetryAt(at) => write!(f, "  again at {at:?}"),
            Self::Sent(record) => write!(f, "sent {record:?}"),
            Self::Committed(partition, offset) => write!(f, "committed {partition} to {offset}"),
            Self::Rewound(partitions) => write!(f, "reads {partitions:?} again"),
            Self::Restarted => f.write_str("killed and begun anew"),
            Self::Stopped(None) => f.write_str("stopped"),
            Self::Stopped(Some(error)) => write!(f, "stopped by itself: {error}"),
        }
    }
}

/// What has happened, and when.
#[derive(Debug, Default)]
pub(super) struct Journal(Mutex<Vec<(Duration, Event)>>);

impl Journal {
    pub(super) fn note(&self, at: Duration, event: Event) {
        self.0.lock().push((at, event));
    }

    pub(super) fn events(&self) -> Vec<(Duration, Event)> {
        self.0.lock().clone()
    }
}

impl fmt::Display for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, event) in &*self.0.lock() {
            writeln!(f, "{at:>10?}  {event}")?;
        }
        Ok(())
    }
}
