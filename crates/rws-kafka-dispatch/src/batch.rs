use crate::history::fingerprint;
use crate::marks::{Mark, Marks};
use crate::partition::Partition;
use crate::timestamp::Timestamp;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

/// Consecutive messages of one partition, with their bytes in one allocation.
///
/// A context consists of an `Arc` of its batch and an index, so handing a message to a lane copies and
/// allocates nothing.
pub struct Batch<R> {
    partition: Arc<Partition<R>>,
    /// Sequence number of the first message in the partition's tracker.
    first: u64,
    /// When all of its messages had been fetched.
    fetched: Instant,
    /// The index of the message at each place in the order of handling. Empty if that is the order of
    /// offsets.
    order: Vec<u32>,
    marks: Marks,
    entries: Vec<Entry>,
    headers: Vec<HeaderEntry>,
    data: Vec<u8>,
}

struct Entry {
    timestamp: Option<Timestamp>,
    key: Span,
    payload: Span,
    headers: Range<u32>,
    /// The end of its bytes in the batch's data. They begin at the end of the previous message's.
    end: u32,
}

struct HeaderEntry {
    name: Span,
    value: Span,
}

/// A range in the batch's data, or null.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    len: u32,
}

impl Span {
    const NULL: Self = Self {
        start: u32::MAX,
        len: 0,
    };

    fn of(self, data: &[u8]) -> Option<&[u8]> {
        let start = self.start as usize;
        data.get(start..start + self.len as usize)
    }
}

impl<R> Batch<R> {
    /// Returns the partition of the messages.
    pub fn partition(&self) -> &Arc<Partition<R>> {
        &self.partition
    }

    /// Returns when all of its messages had been fetched.
    pub fn fetched(&self) -> Instant {
        self.fetched
    }

    /// Returns the index of the message at `place` in the order of handling.
    pub fn at(&self, place: u32) -> u32 {
        self.order.get(place as usize).copied().unwrap_or(place)
    }

    /// Returns the sequence number of the message at `index` in its partition's tracker.
    pub fn sequence(&self, index: u32) -> u64 {
        self.first + u64::from(index)
    }

    /// Returns the message's offset.
    pub fn offset(&self, index: u32) -> i64 {
        self.mark_of(index).offset()
    }

    /// Returns the message's timestamp, if it has one.
    pub fn timestamp(&self, index: u32) -> Option<Timestamp> {
        self.entry(index).timestamp
    }

    /// Returns the message's key.
    pub fn key(&self, index: u32) -> Option<&[u8]> {
        self.entry(index).key.of(&self.data)
    }

    /// Returns the message's payload; `None` for a tombstone.
    pub fn payload(&self, index: u32) -> Option<&[u8]> {
        self.entry(index).payload.of(&self.data)
    }

    /// Returns the size of keys, payloads and headers of the messages at these indices, in bytes.
    pub fn size(&self, indices: Range<u32>) -> usize {
        let end = |index: u32| index.checked_sub(1).map_or(0, |last| self.entry(last).end);
        end(indices.end).saturating_sub(end(indices.start)) as usize
    }

    /// Returns an iterator over the message's headers, in order.
    pub fn headers(
        &self,
        index: u32,
    ) -> impl DoubleEndedIterator<Item = (&str, Option<&[u8]>)> + Clone {
        let range = &self.entry(index).headers;
        self.headers[range.start as usize..range.end as usize]
            .iter()
            .map(|header| {
                let name = header.name.of(&self.data).unwrap_or_default();
                // The builder copied it from a `str`.
                let name = std::str::from_utf8(name).unwrap_or_default();
                (name, header.value.of(&self.data))
            })
    }

    /// Requests the message's commit. Returns `true` if it is finished already, so that the tracker must be
    /// notified.
    #[inline]
    pub fn mark(&self, index: u32) -> bool {
        self.mark_of(index).request()
    }

    /// Notes that the message is finished, and that its commit is requested if `marked`. Returns `true` if it
    /// is requested. The partition must be [told](Partition::settle) after some messages.
    #[inline]
    pub fn finish(&self, index: u32, marked: bool) -> bool {
        self.mark_of(index).finish(marked)
    }

    /// Withdraws a request for the message's commit, because the handler has failed.
    pub fn unmark(&self, index: u32) {
        self.mark_of(index).withdraw();
    }

    #[inline]
    fn mark_of(&self, index: u32) -> &Mark {
        &self.marks[index as usize]
    }

    fn entry(&self, index: u32) -> &Entry {
        &self.entries[index as usize]
    }
}

/// Collects messages of one partition until they are handed to the lanes.
pub struct BatchBuilder<R> {
    partition: Arc<Partition<R>>,
    fetched: Option<Instant>,
    marks: Vec<Mark>,
    entries: Vec<Entry>,
    headers: Vec<HeaderEntry>,
    data: Vec<u8>,
}

impl<R> BatchBuilder<R> {
    /// Creates a builder with capacity for `messages` messages and `bytes` bytes of data.
    pub fn new(partition: Arc<Partition<R>>, messages: usize, bytes: usize) -> Self {
        Self {
            partition,
            fetched: None,
            marks: Vec::with_capacity(messages),
            entries: Vec::with_capacity(messages),
            headers: Vec::new(),
            data: Vec::with_capacity(bytes),
        }
    }

    /// Sets when all messages had been fetched, by the worker's clock. Default: when the batch is built.
    pub fn fetched_at(mut self, now: Instant) -> Self {
        self.fetched = Some(now);
        self
    }

    /// Returns the partition of the messages.
    pub fn partition(&self) -> &Arc<Partition<R>> {
        &self.partition
    }

    /// Returns the number of messages.
    pub fn messages(&self) -> usize {
        self.entries.len()
    }

    /// Returns the size of keys, payloads and headers, in bytes.
    pub fn bytes(&self) -> usize {
        self.data.len()
    }

    /// Adds a message after the others. Offsets increase, possibly with gaps.
    pub fn push(
        &mut self,
        offset: i64,
        timestamp: Option<Timestamp>,
        key: Option<&[u8]>,
        payload: Option<&[u8]>,
    ) {
        let key = self.copy(key);
        let payload = self.copy(payload);
        let headers = self.headers.len() as u32;
        self.marks.push(Mark::new(offset));
        self.entries.push(Entry {
            timestamp,
            key,
            payload,
            headers: headers..headers,
            end: self.data.len() as u32,
        });
    }

    /// Adds a header to the last message.
    pub fn push_header(&mut self, name: &str, value: Option<&[u8]>) {
        let name = self.copy(Some(name.as_bytes()));
        let value = self.copy(value);
        self.headers.push(HeaderEntry { name, value });
        if let Some(entry) = self.entries.last_mut() {
            entry.headers.end += 1;
            entry.end = self.data.len() as u32;
        }
    }

    /// Returns the offset of the message at `index`.
    pub fn offset(&self, index: u32) -> i64 {
        self.marks[index as usize].offset()
    }

    /// Returns the key of the message at `index`.
    pub fn key(&self, index: u32) -> Option<&[u8]> {
        self.entries[index as usize].key.of(&self.data)
    }

    /// Returns the offset and the fingerprint of the last message.
    pub fn last(&self) -> Option<(i64, u64)> {
        let last = self.entries.last()?;
        let (key, payload) = (last.key.of(&self.data), last.payload.of(&self.data));
        Some((
            self.marks.last()?.offset(),
            fingerprint(last.timestamp, key, payload),
        ))
    }

    /// Builds the batch, and enters its messages in the partition's tracker. `order` is the index of the
    /// message at each place in the order of handling; empty if that is the order of offsets.
    pub fn build(self, order: Vec<u32>) -> Batch<R> {
        let bytes = self.data.len() / self.entries.len().max(1);
        let marks = Marks::from(self.marks);
        let mut tracker = self.partition.tracker();
        let first = tracker.next_sequence();
        tracker.push_all(&marks, bytes);
        drop(tracker);
        Batch {
            partition: self.partition,
            first,
            fetched: self.fetched.unwrap_or_else(Instant::now),
            order,
            marks,
            entries: self.entries,
            headers: self.headers,
            data: self.data,
        }
    }

    /// Kafka limits a record to less than 2 GiB, and a batch is built long before that.
    fn copy(&mut self, bytes: Option<&[u8]>) -> Span {
        bytes.map_or(Span::NULL, |bytes| {
            let start = self.data.len() as u32;
            self.data.extend_from_slice(bytes);
            Span {
                start,
                len: bytes.len() as u32,
            }
        })
    }
}

impl<R> fmt::Debug for Batch<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offsets = self.marks.iter().map(Mark::offset);
        f.debug_struct("Batch")
            .field("partition", &self.partition.name)
            .field("offsets", &offsets.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for BatchBuilder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchBuilder")
            .field("partition", &self.partition.name)
            .field("messages", &self.messages())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic_partition::TopicPartition;

    fn builder() -> BatchBuilder<()> {
        let name = TopicPartition::new("topic", 0);
        let partition = Partition::new(1, name, ());
        BatchBuilder::new(Arc::new(partition), 4, 0)
    }

    #[test]
    fn what_goes_in_comes_out() {
        let mut builder = builder();
        builder.push(7, Some(Timestamp::Create(-1)), None, Some(b""));
        builder.push(9, None, Some(b""), None);
        builder.push_header("a", Some(b"1"));
        builder.push_header("", None);
        builder.push_header("a", Some(b""));
        let appended = Timestamp::LogAppend(0);
        builder.push(10, Some(appended), Some(b"key"), Some(b"payload"));
        let batch = builder.build(Vec::new());
        assert_eq!((batch.key(0), batch.payload(0)), (None, Some(&b""[..])));
        assert_eq!((batch.key(1), batch.payload(1)), (Some(&b""[..]), None));
        assert_eq!(batch.key(2), Some(&b"key"[..]));
        assert_eq!(batch.payload(2), Some(&b"payload"[..]));
        assert_eq!([0, 1, 2].map(|index| batch.offset(index)), [7, 9, 10]);
        let timestamps = [0, 1, 2].map(|index| batch.timestamp(index));
        let expected = [Some(Timestamp::Create(-1)), None, Some(appended)];
        assert_eq!(timestamps, expected);
        let headers: Vec<_> = batch.headers(1).collect();
        let expected = [("a", Some(&b"1"[..])), ("", None), ("a", Some(&b""[..]))];
        assert_eq!(headers, expected);
        assert_eq!(batch.headers(0).count() + batch.headers(2).count(), 0);
        let tracker = batch.partition().tracker();
        assert_eq!(tracker.held(), 3);
    }

    /// Returns every interleaving of the steps of three threads: `L`, a lane after a handler's `Ok`; `C`, a
    /// commit from another thread; `K`, the committer.
    fn interleavings(left: [(char, usize); 3]) -> Vec<String> {
        if left.iter().all(|(_, steps)| *steps == 0) {
            return vec![String::new()];
        }
        let mut all = Vec::new();
        for next in (0..3).filter(|next| left[*next].1 > 0) {
            let mut rest = left;
            rest[next].1 -= 1;
            let ends = interleavings(rest);
            all.extend(ends.into_iter().map(|end| format!("{}{end}", left[next].0)));
        }
        all
    }

    #[test]
    fn a_commit_beside_the_end_of_its_handler_is_never_lost() {
        let orders = interleavings([('L', 2), ('C', 2), ('K', 4)]);
        assert_eq!(orders.len(), 420);
        for order in orders {
            let mut builder = builder();
            builder.push(5, None, None, None);
            let batch = builder.build(Vec::new());
            let partition = batch.partition();
            let (mut finished, mut late, mut due) = (None, None, None);
            for step in order.chars() {
                match (step, finished, late) {
                    ('L', None, _) => finished = Some(batch.finish(0, false)),
                    ('L', Some(_), _) => partition.settle(),
                    ('C', _, None) => late = Some(batch.mark(0)),
                    ('C', _, Some(true)) => partition.tracker().mark(batch.sequence(0), 5),
                    ('C', _, Some(false)) => {}
                    // It reads what is due, and reports later what the broker has accepted.
                    _ => match due.take() {
                        None => due = Some(partition.tracker().to_commit()),
                        Some(offset) => offset
                            .into_iter()
                            .for_each(|offset| partition.acked(offset)),
                    },
                }
                let committed = partition.tracker().committed();
                assert!(committed.is_none() || finished.is_some(), "{order}");
            }
            let tracker = partition.tracker();
            let target = tracker.to_commit().or(tracker.committed());
            assert_eq!(target, Some(6), "{order}");
        }
    }

    #[test]
    fn a_failed_attempt_takes_its_commit_back() {
        let mut builder = builder();
        builder.push(5, None, None, None);
        let batch = builder.build(Vec::new());
        assert!(!batch.mark(0));
        batch.unmark(0);
        assert!(!batch.finish(0, false));
    }
}
