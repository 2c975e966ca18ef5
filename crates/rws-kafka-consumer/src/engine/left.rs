//! What is not done when a partition, or the worker, ends.

/// What a drain left undone.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Messages that are still in hand.
    pub(super) unfinished: usize,
    /// Messages that were taken in and are neither finished nor in hand.
    pub(super) unstarted: usize,
    /// Partitions with offsets that the broker has not confirmed.
    pub(super) uncommitted: usize,
}

impl Left {
    /// But for what is in hand, which may have finished since.
    pub(super) fn add(&mut self, other: &Self) {
        self.unstarted += other.unstarted;
        self.uncommitted += other.uncommitted;
    }
}
