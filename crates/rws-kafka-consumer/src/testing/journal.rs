use parking_lot::Mutex;
use rws_kafka_dispatch::TopicPartition;
use rws_kafka_producer::testing::SentRecord;
use std::fmt;
use std::time::Duration;

/// An event in the log of a [`TestWorker`](super::TestWorker).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Partitions were assigned.
    Assigned(Vec<TopicPartition>),
    /// Partitions were revoked, after a last commit.
    Revoked(Vec<TopicPartition>),
    /// Partitions were lost, without a commit.
    Lost(Vec<TopicPartition>),
    /// A handler of batches has returned. An event for each message follows.
    Batch {
        /// The partition of the messages.
        partition: TopicPartition,
        /// The number of messages.
        messages: usize,
    },
    /// A handler has returned.
    Handled {
        /// The partition of the message.
        partition: TopicPartition,
        /// The offset of the message.
        offset: i64,
        /// The number of the attempt, from 1.
        attempt: u32,
        /// The text of the error or panic; `None` if the handler returned `Ok`.
        error: Option<String>,
    },
    /// The message that was handled last is retried at this time.
    RetryAt(Duration),
    /// A dead letter or another message was acknowledged. In an exactly-once worker, its transaction was
    /// committed.
    Sent(SentRecord),
    /// An offset was committed.
    Committed(TopicPartition, i64),
    /// A transaction was lost, and its partitions are read again from the offsets committed before it.
    Rewound(Vec<TopicPartition>),
    /// The process was killed, and a new one has started.
    Restarted,
    /// The worker has ended, with this error unless it was asked to stop.
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
            Self::Restarted => f.write_str("killed and restarted"),
            Self::Stopped(None) => f.write_str("stopped"),
            Self::Stopped(Some(error)) => write!(f, "stopped by itself: {error}"),
        }
    }
}

/// All events with their times.
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
