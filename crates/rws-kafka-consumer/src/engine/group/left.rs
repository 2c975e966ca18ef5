//! The work that is left undone when a partition or the worker ends.

/// The work that a drain left undone.
#[derive(Debug, Default)]
pub(in crate::engine) struct Left {
    /// The number of messages that are still in flight.
    pub(in crate::engine) unfinished: usize,
    /// The number of messages that were fetched and are neither finished nor in flight.
    pub(in crate::engine) unstarted: usize,
    /// The number of partitions with offsets that the broker has not confirmed.
    pub(in crate::engine) uncommitted: usize,
}

impl Left {
    /// Adds `other`, except its messages in flight, which may have finished since.
    pub(in crate::engine) fn add(&mut self, other: &Self) {
        self.unstarted += other.unstarted;
        self.uncommitted += other.uncommitted;
    }
}
