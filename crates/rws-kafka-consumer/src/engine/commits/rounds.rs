//! The rounds of commits, one after the other.

use super::committer;
use super::transactions::{Round, Transactions};
use crate::engine::commits::{CommitClient, Commits};
use crate::engine::shared::Engine;
use crate::error::ConsumerError;
use crate::transport::Group;

impl Engine {
    /// Before the first round: what an earlier process left open is ended before there is anything to do.
    ///
    /// # Errors
    ///
    /// Why it could not be; the next round tries again.
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

    /// One round of commits: of what is due, or of the transaction whose time it is.
    ///
    /// # Errors
    ///
    /// What the commit came to.
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

    /// Ends the open transaction where it is time to, and begins the next. What was in one that is aborted
    /// is read again.
    fn round_of_transactions<G: Group>(
        &self,
        transactions: &Transactions,
        group: impl FnOnce() -> Option<G>,
    ) -> Result<(), ConsumerError> {
        let ended = match transactions.end_open(self, group) {
            Round::GoesOn => return Ok(()),
            Round::Over(result) => result,
            Round::Lost(partitions, error) => {
                // Nobody goes on from where it was.
                for partition in &partitions {
                    self.scheduler.drop_queued(partition);
                }
                self.ask_to_rewind();
                Err(error)
            }
        };
        ended.and(transactions.begin(self))
    }

    /// A transaction that was committed has been noted, by `TransactionEvents::committed`.
    fn note_failed_commit(&self, result: &Result<(), ConsumerError>) {
        if result.is_err() {
            self.note_commit(result);
        }
    }
}
