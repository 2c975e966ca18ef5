//! The two ways to commit the offsets of finished messages; a worker uses one of them. This module and
//! `rounds` contain the differences. Other code only asks whether a commit carries outputs.

pub(super) mod committer;
mod rounds;
mod transaction_events;
pub(super) mod transactions;

use self::transactions::{Put, TransactionEvents, Transactions};
use crate::error::ConsumerError;
use crate::handler::outputs::Outputs;
use crate::partition::Partition;
use crate::transport::Group;
use rws_kafka_producer::{RecordBuffer, TransactionalProducer};
use std::sync::Arc;
use std::time::Duration;

/// The two ways to commit.
pub(crate) enum Commits {
    /// In requests of their own, for offsets whose commit was asked for.
    Offsets {
        /// `true` if the `Ok` of a handler asks for the commit.
        on_ok: bool,
    },
    /// Together with the messages that handlers send, including letters.
    Transactions(Box<Transactions>),
}

/// The client that commits.
pub(crate) trait CommitClient {
    /// Its place in the group, to commit offsets with a transaction.
    type Group: Group;

    /// Commits `offsets` on their own.
    ///
    /// # Errors
    ///
    /// The broker's answer.
    fn commit(&self, offsets: &[(Arc<Partition>, i64)]) -> Result<(), ConsumerError>;

    /// `None` while the worker has no place in its group.
    fn group(&self) -> Option<Self::Group>;
}

impl Default for Commits {
    fn default() -> Self {
        Self::Offsets { on_ok: false }
    }
}

impl Commits {
    /// The buffer in which a lane keeps the messages that its handlers send.
    pub(in crate::engine) fn outputs(&self) -> Outputs {
        match self {
            Self::Offsets { .. } => Outputs::new(None, usize::MAX),
            Self::Transactions(transactions) => {
                let most_bytes = transactions.most_output_bytes();
                Outputs::new(Some(transactions.producer().clone()), most_bytes)
            }
        }
    }

    /// Returns `true` if outputs and letters are committed together with the offset of their message. A batch
    /// then succeeds or fails as a whole, and handlers do not commit.
    #[inline]
    pub(in crate::engine) fn carries_outputs(&self) -> bool {
        matches!(self, Self::Transactions(_))
    }

    /// The producer of letters that are committed with an offset.
    pub(in crate::engine) fn producer(&self) -> Option<&TransactionalProducer> {
        match self {
            Self::Offsets { .. } => None,
            Self::Transactions(transactions) => Some(transactions.producer()),
        }
    }

    /// Returns `true` if the commit of a handled message need not be asked for.
    #[inline]
    pub(in crate::engine) fn on_ok(&self) -> bool {
        match self {
            Self::Offsets { on_ok } => *on_ok,
            Self::Transactions(_) => true,
        }
    }

    /// Ends `messages` messages of `partition`, together with their outputs. `finish` marks them in the
    /// tracker once the outputs are in the transaction.
    #[inline]
    pub(in crate::engine) fn end(
        &self,
        events: &impl TransactionEvents,
        partition: &Arc<Partition>,
        outputs: &RecordBuffer,
        messages: usize,
        finish: impl FnOnce(),
    ) -> Put {
        match self {
            Self::Offsets { .. } => {
                finish();
                Put::Done
            }
            Self::Transactions(transactions) => {
                transactions.put(events, partition, outputs, messages, finish)
            }
        }
    }

    /// The time between two rounds. A round without anything to commit sends no request.
    pub(in crate::engine) fn tick(&self, interval: Duration) -> Duration {
        match self {
            Self::Offsets { .. } => interval,
            // A round checks whether the transaction is old enough.
            Self::Transactions(_) => interval / 8,
        }
    }

    /// Makes the next round commit everything, even if the interval has not elapsed.
    pub(in crate::engine) fn hurry(&self) {
        match self {
            Self::Offsets { .. } => {}
            Self::Transactions(transactions) => transactions.hurry(),
        }
    }

    /// Ends all commits, and the waits for them.
    pub(in crate::engine) fn stop(&self) {
        match self {
            Self::Offsets { .. } => {}
            Self::Transactions(transactions) => transactions.end(),
        }
    }

    /// Releases the producer. Called on the commit thread, when it has ended.
    pub(in crate::engine) fn close(&self) {
        match self {
            Self::Offsets { .. } => {}
            Self::Transactions(transactions) => transactions.close_producer(),
        }
    }
}
