//! The rounds of commits, one after the other.

use super::committer;
use super::transactions::{Round, Transactions};
use crate::engine::commits::{CommitClient, Commits};
use crate::engine::shared::Engine;
use crate::error::ConsumerError;
use crate::transport::Group;

impl Engine {
    /// Prepares the commits, before the first round: ends a transaction that an earlier process left open.
    ///
    /// # Errors
    ///
    /// The cause of a failure; the next round tries again.
    pub(in crate::engine) fn begin_commits(&self) -> Result<(), ConsumerError> {
        match &self.commits {
            Commits::Offsets { .. } => Ok(()),
            Commits::Transactions(transactions) => {
                let begun = transactions.begin(self);
                self.note_failed_commit(&begun);
                begun
            }
        }
    }

    /// Runs one round: commits the offsets that are due, or the transaction if it is old enough.
    ///
    /// # Errors
    ///
    /// The error of the commit.
    pub(in crate::engine) fn round_of_commits(
        &self,
        client: &impl CommitClient,
    ) -> Result<(), ConsumerError> {
        match &self.commits {
            Commits::Offsets { .. } => {
                self.warn_of_no_commits(false);
                committer::commit(&self.due(), |offsets| {
                    let result = client.commit(offsets);
                    self.note_commit(&result);
                    result
                })
            }
            Commits::Transactions(transactions) => {
                let result = self.round_of_transactions(transactions, || client.group());
                self.note_failed_commit(&result);
                result
            }
        }
    }

    /// Commits the open transaction if it is time to, and begins the next one. The messages of an aborted
    /// transaction are read again.
    fn round_of_transactions<G: Group>(
        &self,
        transactions: &Transactions,
        group: impl FnOnce() -> Option<G>,
    ) -> Result<(), ConsumerError> {
        let ended = match transactions.end_open(self, group) {
            Round::GoesOn => return Ok(()),
            Round::Over(result) => result,
            Round::Lost(partitions, error) => {
                // Lanes must not continue these partitions.
                for partition in &partitions {
                    self.scheduler.drop_queued(partition);
                }
                self.ask_to_rewind();
                Err(error)
            }
        };
        ended.and(transactions.begin(self))
    }

    /// Records a failed commit. `TransactionEvents::committed` has already recorded a successful one.
    fn note_failed_commit(&self, result: &Result<(), ConsumerError>) {
        if result.is_err() {
            self.note_commit(result);
        }
    }
}
