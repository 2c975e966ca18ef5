//! How the offsets of finished messages get to the broker: one of two ways, chosen when the worker is made.
//! What differs between the two is here and in `rounds`; others ask only whether a commit carries outputs.

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
    /// By requests of their own, of what was asked to be committed.
    Offsets {
        /// A handler's `Ok` asks for it.
        on_ok: bool,
    },
    /// Together with what handlers send, letters among it.
    Transactions(Box<Transactions>),
}

/// The client that commits.
pub(crate) trait CommitClient {
    /// Its place in the group, to commit offsets with a transaction.
    type Group: Group;

    /// Commits `offsets` by themselves.
    ///
    /// # Errors
    ///
    /// What the broker answered.
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
    /// Where a lane keeps what its handlers send.
    pub(in crate::engine) fn outputs(&self) -> Outputs {
        match self {
            Self::Offsets { .. } => Outputs::new(None, usize::MAX),
            Self::Transactions(transactions) => {
                let most_bytes = transactions.most_output_bytes();
                Outputs::new(Some(transactions.producer().clone()), most_bytes)
            }
        }
    }

    /// Whether what handlers send, and letters, go out with the offset of their message: a batch then comes
    /// to its end as a whole, and handlers do not commit.
    #[inline]
    pub(in crate::engine) fn carries_outputs(&self) -> bool {
        matches!(self, Self::Transactions(_))
    }

    /// What sends the letters that go with an offset.
    pub(in crate::engine) fn producer(&self) -> Option<&TransactionalProducer> {
        match self {
            Self::Offsets { .. } => None,
            Self::Transactions(transactions) => Some(transactions.producer()),
        }
    }

    /// Whether a message that is handled is to be committed without being asked for.
    #[inline]
    pub(in crate::engine) fn on_ok(&self) -> bool {
        match self {
            Self::Offsets { on_ok } => *on_ok,
            Self::Transactions(_) => true,
        }
    }

    /// So many messages of `partition` have come to their end, with what goes out for them: `finish` tells
    /// the tracker so, once that is on its way.
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

    /// How long it is from one round to the next, which costs no request when nothing is due.
    pub(in crate::engine) fn tick(&self, interval: Duration) -> Duration {
        match self {
            Self::Offsets { .. } => interval,
            // It finds whether a transaction is old enough.
            Self::Transactions(_) => interval / 8,
        }
    }

    /// The next round commits what there is, however young.
    pub(in crate::engine) fn hurry(&self) {
        match self {
            Self::Offsets { .. } => {}
            Self::Transactions(transactions) => transactions.hurry(),
        }
    }

    /// Nothing more is committed; who waits for it is told so.
    pub(in crate::engine) fn stop(&self) {
        match self {
            Self::Offsets { .. } => {}
            Self::Transactions(transactions) => transactions.end(),
        }
    }

    /// Lets go of what it commits with; on the commit thread, when that has ended.
    pub(in crate::engine) fn close(&self) {
        match self {
            Self::Offsets { .. } => {}
            Self::Transactions(transactions) => transactions.close_producer(),
        }
    }
}
