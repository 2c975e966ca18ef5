/// Which messages are handled one after another, whatever the concurrency.
///
/// An offset is committed only when all messages before it are finished. With [`Key`](Self::Key) and
/// [`None`](Self::None), messages that finish before an earlier unfinished one are therefore delivered again
/// when another worker takes over the partition or this one restarts. With [`Partition`](Self::Partition),
/// only a crash or an expired deadline causes duplicates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ordering {
    /// Messages of the same partition. At most as many lanes are busy as there are partitions with work.
    #[default]
    Partition,
    /// Messages of the same key and partition. A slow or failing key does not delay other keys, until the
    /// messages that wait behind it fill the partition's share of `max_in_flight`. Messages without a key
    /// keep their order, as if they had the same key.
    Key,
    /// None: every message is handled on its own.
    None,
}
