use crate::batch::{Batch, BatchBuilder};
use crate::ordering::Ordering;
use crate::partition::Partition;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

/// Identifies messages that must be handled one after another: those of a partition, or of a key in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StrandId {
    partition: u64,
    within: u64,
}

impl StrandId {
    /// Returns the strand of a whole partition.
    pub fn whole<R>(partition: &Partition<R>) -> Self {
        Self {
            partition: partition.id,
            within: 0,
        }
    }

    /// Returns the id of its partition.
    #[inline]
    pub fn partition(self) -> u64 {
        self.partition
    }

    /// Returns `true` if it is a strand of this partition.
    pub fn is_of<R>(self, partition: &Partition<R>) -> bool {
        self.partition == partition.id
    }
}

/// Messages of one strand in one batch that are still to be handled.
pub struct Task<R> {
    /// The batch with the messages.
    pub batch: Arc<Batch<R>>,
    /// Places in the batch's order of handling.
    places: Range<u32>,
    /// When it was queued, if it waits to become part of a batch for the handler.
    pub since: Option<Instant>,
}

impl<R> Task<R> {
    /// Returns the next message to handle, as its index in the batch.
    pub fn first(&self) -> Option<u32> {
        (!self.places.is_empty()).then(|| self.batch.at(self.places.start))
    }

    /// Removes the first message, which is finished.
    pub fn advance(&mut self) {
        self.places.start += 1;
    }

    /// Creates a task of one message.
    pub fn one(batch: &Arc<Batch<R>>, index: u32) -> Self {
        debug_assert!(
            batch.at(index) == index,
            "batches keep the order of offsets"
        );
        Self {
            batch: Arc::clone(batch),
            places: index..index + 1,
            since: None,
        }
    }

    /// Creates a task without messages in the same partition.
    pub fn nothing(&self) -> Self {
        Self {
            batch: Arc::clone(&self.batch),
            places: 0..0,
            since: None,
        }
    }

    /// Returns an iterator over its messages, as their indices in the batch.
    pub fn indices(&self) -> impl ExactSizeIterator<Item = u32> {
        self.places.clone().map(|place| self.batch.at(place))
    }

    /// Returns the size of keys, payloads and headers, in bytes. Only for messages in the order of offsets.
    pub fn bytes(&self) -> usize {
        self.bytes_of(self.places.len())
    }

    /// Returns the size of its first `messages` messages, in bytes.
    pub fn bytes_of(&self, messages: usize) -> usize {
        let start = self.places.start;
        let count = messages.min(self.places.len()) as u32;
        self.batch.size(start..start + count)
    }

    /// Removes and returns the first `messages` messages, or all if there are fewer.
    pub fn split_off(&mut self, messages: usize) -> Self {
        let start = self.places.start;
        let count = messages.min(self.places.len()) as u32;
        self.places.start += count;
        Self {
            batch: Arc::clone(&self.batch),
            places: start..start + count,
            since: self.since,
        }
    }
}

impl<R> fmt::Debug for Task<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("batch", &self.batch)
            .field("places", &self.places)
            .finish_non_exhaustive()
    }
}

/// Divides a batch into tasks that may be handled concurrently.
pub fn cut<R>(
    builder: BatchBuilder<R>,
    ordering: Ordering,
) -> impl Iterator<Item = (StrandId, Task<R>)> {
    let Cut { order, runs } = Cut::new(&builder, ordering);
    let batch = Arc::new(builder.build(order));
    let partition = batch.partition().id;
    runs.into_iter().map(move |(within, places)| {
        let batch = Arc::clone(&batch);
        let since = None;
        let task = Task {
            batch,
            places,
            since,
        };
        (StrandId { partition, within }, task)
    })
}

struct Cut {
    /// The index at each place. Empty if it is the place itself.
    order: Vec<u32>,
    /// The name of each strand within its partition, and its places.
    runs: Vec<(u64, Range<u32>)>,
}

impl Cut {
    fn new<R>(builder: &BatchBuilder<R>, ordering: Ordering) -> Self {
        let messages = builder.messages() as u32;
        match ordering {
            Ordering::Partition => Self {
                order: Vec::new(),
                runs: vec![(0, 0..messages)],
            },
            Ordering::Key => Self::by_key(builder),
            Ordering::None => Self {
                order: Vec::new(),
                runs: (0..messages)
                    .map(|index| (builder.offset(index).unsigned_abs(), index..index + 1))
                    .collect(),
            },
        }
    }

    /// Keys are distinguished by their hash: two keys with the same hash merely wait for each other.
    fn by_key<R>(builder: &BatchBuilder<R>) -> Self {
        let hasher = BuildHasherDefault::<DefaultHasher>::new();
        let mut hashed: Vec<(u64, u32)> = (0..builder.messages() as u32)
            .map(|index| (hasher.hash_one(builder.key(index)), index))
            .collect();
        // Sorting by index as well keeps the messages of a key in order.
        hashed.sort_unstable();
        let mut end = 0;
        let mut runs: Vec<(u64, Range<u32>)> = hashed
            .chunk_by(|(one, _), (other, _)| one == other)
            .map(|run| {
                let start = end;
                end += run.len() as u32;
                (run[0].0, start..end)
            })
            .collect();
        let order: Vec<u32> = hashed.into_iter().map(|(_, index)| index).collect();
        // The oldest first, because it holds back the commit.
        runs.sort_unstable_by_key(|(_, places)| order[places.start as usize]);
        Self { order, runs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic_partition::TopicPartition;
    use std::collections::HashMap;

    const KEYS: [Option<&[u8]>; 7] = [
        Some(b"a"),
        None,
        Some(b"b"),
        Some(b"a"),
        Some(b""),
        None,
        Some(b"a"),
    ];

    /// Returns the offsets of each strand, in the order in which they would be handled.
    fn strands(ordering: Ordering) -> Vec<Vec<i64>> {
        let name = TopicPartition::new("topic", 0);
        let partition = Partition::new(1, name, ());
        let mut builder = BatchBuilder::new(Arc::new(partition), 4, 0);
        for (offset, key) in (10..).zip(KEYS) {
            builder.push(offset, None, key, None);
        }
        let mut offsets: HashMap<StrandId, Vec<i64>> = HashMap::new();
        for (strand, mut task) in cut(builder, ordering) {
            assert!(strand.is_of(task.batch.partition()));
            while let Some(index) = task.first() {
                let offset = task.batch.offset(index);
                offsets.entry(strand).or_default().push(offset);
                task.advance();
            }
        }
        let mut strands: Vec<Vec<i64>> = offsets.into_values().collect();
        strands.sort();
        strands
    }

    #[test]
    fn a_partition_is_one_strand() {
        assert_eq!(strands(Ordering::Partition), [[10, 11, 12, 13, 14, 15, 16]]);
    }

    #[test]
    fn each_key_is_a_strand_and_null_is_not_empty() {
        let expected: [&[i64]; 4] = [&[10, 13, 16], &[11, 15], &[12], &[14]];
        assert_eq!(strands(Ordering::Key), expected);
    }

    #[test]
    fn keys_are_handed_out_by_their_first_messages() {
        let name = TopicPartition::new("topic", 0);
        let partition = Partition::new(1, name, ());
        let mut builder = BatchBuilder::new(Arc::new(partition), 4, 0);
        for offset in 0..100_i64 {
            builder.push(offset, None, Some(&(offset % 40).to_be_bytes()), None);
        }
        let tasks = cut(builder, Ordering::Key);
        let first: Vec<i64> = tasks
            .map(|(_, task)| task.batch.offset(task.first().unwrap()))
            .collect();
        assert_eq!(first, (0..40).collect::<Vec<i64>>());
    }

    #[test]
    fn without_an_order_each_message_is_a_strand() {
        let expected: Vec<Vec<i64>> = (10..17).map(|offset| vec![offset]).collect();
        assert_eq!(strands(Ordering::None), expected);
    }

    #[test]
    fn the_first_message_of_a_task_can_be_taken_off() {
        let name = TopicPartition::new("topic", 0);
        let partition = Partition::new(1, name, ());
        let mut builder = BatchBuilder::new(Arc::new(partition), 4, 0);
        (0..3).for_each(|offset| builder.push(offset, None, None, None));
        let (_, mut task) = cut(builder, Ordering::Partition).next().unwrap();
        task.advance();
        let first = task.split_off(1);
        assert_eq!(first.indices().collect::<Vec<_>>(), [1]);
        assert_eq!(task.first(), Some(2));
        assert_eq!(task.split_off(2).indices().len(), 1);
        assert_eq!(task.first(), None);
        assert_eq!(first.nothing().first(), None);
    }
}
