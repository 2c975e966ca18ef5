/// Which messages are handled one after the other, whatever the concurrency.
///
/// An offset is committed only when all before it are finished. So under [`Key`](Self::Key) and
/// [`None`](Self::None), what had finished ahead of an unfinished message comes again when the
/// partition goes to another worker or this one is started anew; under
/// [`Partition`](Self::Partition) only a crash or an expired deadline brings anything twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ordering {
    /// Those of a partition: as many lanes have work as partitions do.
    #[default]
    Partition,
    /// Those of a key within a partition. A slow or failing key holds up no other, until what has
    /// piled up behind it fills the partition's share of `max_in_flight`. Messages without a key keep
    /// their order among themselves, as if they shared one.
    Key,
    /// None: every message by itself.
    None,
}
