//! What is not done when a partition, or the worker, ends.

/// What a drain left undone.
#[derive(Debug, Default)]
pub(in crate::engine) struct Left {
    /// Messages that are still in hand.
    pub(in crate::engine) unfinished: usize,
    /// Messages that were taken in and are neither finished nor in hand.
    pub(in crate::engine) unstarted: usize,
    /// Partitions with offsets that the broker has not confirmed.
    pub(in crate::engine) uncommitted: usize,
}

impl Left {
    /// But for what is in hand, which may have finished since.
    pub(in crate::engine) fn add(&mut self, other: &Self) {
        self.unstarted += other.unstarted;
        self.uncommitted += other.uncommitted;
    }
}
